"""Every Redis key of Jobline: its template, type, owner and TTL; and the layout, which makes keys of them.

No other file builds a key. The scripts get the same templates as Lua functions (see `scripts.definitions`):
``job_key(id)`` in Lua is ``layout.key(Key.JOB, id)`` here. All keys of a layout begin with its prefix, so one
Redis can serve several Joblines and other programs.

Bounds: an "active" job is one that is not final; the queue limits bound their number. The keys of a final job
end with it, ``JOBLINE_RESULT_TTL_S`` after its end: one tick removes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DEFAULT_PREFIX = "jl:"
#: The number of the layout. Raise it in the commit after which the code before would misread a key or a field
#: of a record, or the new code an old one; not for a key or field that old code can ignore.
LAYOUT_VERSION = 1


class Key(Enum):
    """The kinds of keys; each value is the template of a key, without the prefix."""

    #: hash; born by submit. The record of one job, see `record.py`. Ends with the job.
    JOB = "job:{}"
    #: list of ``<event id> <type> <JSON>``: the events between a job's first start and its end;
    #: born by the first of them, at most EVENTS_KEPT long. Ends with the job.
    EVENTS = "events:{}"
    #: string; born by the tick when a job or file expires. TTL: tombstone_ttl_s.
    GONE = "gone:{}"
    #: string ``<fingerprint> <job id>``; born by submit with an Idempotency-Key. Ends with the job.
    IDEMPOTENCY = "idem:{}"
    #: zset of active job ids by their rank, one a (queue, tenant); born by submit, retry, release, tick.
    #: Bounded by the queue limit.
    WAITING = "wait:{}:{}"
    #: zset of the tenants that wait in a queue by when they were served last (microseconds), 0 before that;
    #: born by submit, emptied by claim, dropped with the queue.
    ROTATION = "rotation:{}"
    #: zset of active job ids by the time they are due (ms); as WAITING.
    DUE = "due:{}"
    #: zset of active job ids by their rank, one a (task, queue, tenant): they wait for a running job of their
    #: task to end. As WAITING.
    BLOCKED = "blocked:{}:{}:{}"
    #: zset of ``queue:tenant`` with blocked jobs of a task, by when they were served last; as ROTATION.
    BLOCKED_ROTATION = "blocked-rotation:{}"
    #: hash task -> running jobs, of the tasks with a limit; born by claim, ends at 0.
    TASKS_RUNNING = "tasks-running"
    #: hash tenant -> running jobs, where tenants have a limit; born by claim, ends at 0.
    TENANTS_RUNNING = "tenants-running"
    #: set of the queues whose rotation a tenant left at its limit; born by claim, ends when a job of it ends.
    AT_LIMIT = "at-limit:{}"
    #: list of tokens that wake idle workers; at most WAKE_TOKENS long.
    WAKE = "wake:{}"
    #: hash queue -> jobs that wait in it, scheduled ones too; the tick drops the empty ones.
    QUEUES = "queues"
    #: hash queue -> jobs that ended in one minute; born by the first end. TTL: RATES_KEPT_MS.
    ENDED = "ended:{}"
    #: set of paused queues; owned by the operator.
    PAUSED = "paused"
    #: zset of running job ids by the end of their lease (ms); born by claim, moved by renew.
    LEASES = "leases"
    #: zset of waiting job ids by the time at which they must have started (ms).
    START_BY = "start-by"
    #: zset of final job ids by the time at which they are forgotten (ms).
    FINISHED = "finished"
    #: zset of job ids by their stamp: one a (state, tenant:task:queue). Ends when empty.
    INDEX = "index:{}:{}"
    #: set of the indexes of one tenant, as ``state:tenant:task:queue``. Bounded by states x tasks x queues.
    INDEXES = "indexes:{}"
    #: zset of job ids by their stamp: beside each index, one a tag (state, tenant:task:queue, tag).
    #: Ends when empty.
    TAG_INDEX = "tag-index:{}:{}:{}"
    #: hash; a batch: tenant, stamp of its first job (the others' follow in a row), total, how many of its
    #: jobs are kept, and how many are in each state. Ends with its last job.
    BATCH = "batch:{}"
    #: string; the last stamp given out (microseconds), one key in all.
    CLOCK = "clock"
    #: hash {last, rescue_after}: the last tick, and until when no attempt is rescued (ms); one key in all.
    TICK = "tick"
    #: stream of all events, trimmed to about FEED_KEPT.
    FEED = "feed"
    #: zset of worker names by their last heartbeat (ms); the tick drops the old ones.
    WORKERS = "workers"
    #: hash; born by the tick of one worker. TTL: WORKER_TTL_MS.
    WORKER = "worker:{}"
    #: set of job ids that one worker should stop; born by cancel. TTL: one day.
    CANCELS = "cancels:{}"
    #: channel of one process that waits for jobs; holds nothing.
    CHANNEL = "channel:{}"
    #: hash; the metadata of one file or artifact, see `stored_file.py`. Ends by FILES, or with its job.
    FILE = "file:{}"
    #: zset of file ids by the time at which they expire (ms); files that an active job names are not in it.
    FILES = "files"
    #: hash name -> file id: the artifacts of one job. Ends with the job.
    ARTIFACTS = "artifacts:{}"
    #: set of file ids whose bytes are to be deleted; a worker empties it.
    TRASH = "trash"
    #: hash; one access key: its digest, tenant, scopes; see `access.py`. Made and revoked by the operator.
    ACCESS = "access:{}"
    #: set of the ids of all access keys; as above.
    ACCESS_KEYS = "access"
    #: string; the requests of one caller in the present window. TTL: the window of JOBLINE_RATE_LIMIT.
    RATE = "rate:{}"

    #: string; the number of the layout, see LAYOUT_VERSION; born with the first connection to an
    #: empty ledger, or with its first job. No TTL, one key in all.
    VERSION = "version"
    #: string; never exists. Scripts delete it first where they must run although Redis is full.
    NOTHING = "nothing"

    def of(self, *parts: str, prefix: str = DEFAULT_PREFIX) -> str:
        """Build the key of these parts."""
        return prefix + self.value.format(*parts)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one Jobline names its keys in Redis.

    Two Joblines on one Redis have two prefixes. A prefix with a hash tag (``{jl}:``) keeps all keys of one
    Jobline in one slot of a cluster. The version is compared with that of the ledger, once a connection.
    """

    prefix: str = DEFAULT_PREFIX
    version: int = LAYOUT_VERSION

    def key(self, key: Key, *parts: str) -> str:
        """Build the key of these parts."""
        return key.of(*parts, prefix=self.prefix)


DEFAULT_LAYOUT = Layout()
