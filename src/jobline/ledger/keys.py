"""Every Redis key of Jobline with its template, type, owner and TTL; and the layout, which makes the keys.

No other file builds a key. The scripts get the same templates as Lua functions (see `scripts.definitions`):
``job_key(id)`` in Lua is ``layout.key(Key.JOB, id)`` here. All keys of a layout begin with its prefix, so one
Redis can serve several Joblines and other programs.

An "active" job is one that is not final; the queue limits bound their number. Keys that end with the job are
deleted together, by a tick, ``JOBLINE_RESULT_TTL_S`` after the job's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DEFAULT_PREFIX = "jl:"
#: The version of the layout. Raise it in a commit after which old code would misread a key or a field of a
#: record, or new code would misread an old one. A new key or field that old code ignores is no reason.
LAYOUT_VERSION = 1


class Key(Enum):
    """The kinds of keys; each value is the template of a key, without the prefix."""

    #: hash; created by submit. The record of one job, see `record.py`. Ends with the job.
    JOB = "job:{}"
    #: list of ``<event id> <type> <JSON>``: the events between a job's first start and its end, at most
    #: EVENTS_KEPT; created by the first of them. Ends with the job.
    EVENTS = "events:{}"
    #: string ``<kind> <tenant>``; created with the end of a job, batch or file. TTL: tombstone_ttl_s.
    GONE = "gone:{}"
    #: string ``<fingerprint> <job id>``; created by submit with an Idempotency-Key. Ends with the job.
    IDEMPOTENCY = "idem:{}"
    #: zset of active job ids by their rank, for each queue and tenant; created by submit, retry, release and
    #: tick. Bounded by the queue limit.
    WAITING = "wait:{}:{}"
    #: zset of the tenants with waiting jobs in a queue, by the time at which they were served last
    #: (microseconds; 0 if never); created by submit, emptied by claim, deleted with the queue.
    ROTATION = "rotation:{}"
    #: zset of active job ids by the time at which they are due (ms); as WAITING.
    DUE = "due:{}"
    #: zset of active job ids by their rank, for each task, queue and tenant: jobs that wait until a running
    #: job of their task ends. As WAITING.
    BLOCKED = "blocked:{}:{}:{}"
    #: zset of ``queue:tenant`` with blocked jobs of a task, by the time at which they were served last; as
    #: ROTATION.
    BLOCKED_ROTATION = "blocked-rotation:{}"
    #: set of the tasks with blocked jobs that a worker did not know; created by claim. The tick deletes the
    #: tasks without blocked jobs.
    UNSERVED = "unserved"
    #: hash task -> running jobs, for tasks with a limit; created by claim; a field ends at 0.
    TASKS_RUNNING = "tasks-running"
    #: hash tenant -> running jobs, if tenants have a limit; created by claim; a field ends at 0.
    TENANTS_RUNNING = "tenants-running"
    #: set of the queues whose rotation a tenant left because of its limit; created by claim, deleted when a
    #: job of the tenant ends.
    AT_LIMIT = "at-limit:{}"
    #: list of tokens that wake idle workers; at most WAKE_TOKENS long.
    WAKE = "wake:{}"
    #: hash queue -> its waiting and scheduled jobs; the tick deletes the fields of empty queues.
    QUEUES = "queues"
    #: hash queue -> jobs that ended in one minute; created by the first end. TTL: RATES_KEPT_MS.
    ENDED = "ended:{}"
    #: set of paused queues; owned by the operator.
    PAUSED = "paused"
    #: zset of running job ids by the end of their lease (ms); created by claim, updated by renew.
    LEASES = "leases"
    #: zset of waiting job ids by the time at which they must have started (ms).
    START_BY = "start-by"
    #: zset of final job ids by the time at which they expire (ms).
    FINISHED = "finished"
    #: zset of job ids by their stamp, for each state and tenant:task:queue. Ends when empty.
    INDEX = "index:{}:{}"
    #: set of the indexes of one tenant, as ``state:tenant:task:queue``. Bounded by states x tasks x queues.
    INDEXES = "indexes:{}"
    #: zset of job ids by their stamp, for each state, tenant:task:queue and tag. Ends when empty.
    TAG_INDEX = "tag-index:{}:{}:{}"
    #: hash; a batch: tenant, stamp of its first job (the next jobs have the next stamps), number of jobs,
    #: of jobs not yet deleted, and of jobs in each state. Ends with its last job.
    BATCH = "batch:{}"
    #: string; the last stamp that was used (microseconds). No TTL, one key in all.
    CLOCK = "clock"
    #: hash {last, rescue_after}: times (ms) of the last tick, and until which no attempt is rescued.
    #: No TTL, one key in all.
    TICK = "tick"
    #: stream of all events, trimmed to about FEED_KEPT.
    FEED = "feed"
    #: zset of worker names by their last heartbeat (ms); the tick deletes old ones.
    WORKERS = "workers"
    #: hash; created by the tick of one worker. TTL: WORKER_TTL_MS.
    WORKER = "worker:{}"
    #: set of job ids that one worker should stop; created by cancel. TTL: one day.
    CANCELS = "cancels:{}"
    #: channel of one process that waits for jobs, or of one worker; it stores nothing.
    CHANNEL = "channel:{}"
    #: hash; the metadata of one file or artifact, see `stored_file.py`. Ends by FILES, or with its job.
    FILE = "file:{}"
    #: zset of file ids by the time at which they expire (ms); without the files that an active job names. A
    #: reserved id, whose upload is not recorded yet, has no FILE.
    FILES = "files"
    #: hash name -> file id: the artifacts of one job. Ends with the job.
    ARTIFACTS = "artifacts:{}"
    #: set of ids of deleted files; a worker deletes their bytes and empties it.
    TRASH = "trash"
    #: hash; one access key: its digest, tenant, scopes; see `access.py`. Created and revoked by the operator.
    ACCESS = "access:{}"
    #: set of the ids of all access keys; as above.
    ACCESS_KEYS = "access"
    #: string; the number of requests of one caller in the present window. TTL: that window, of
    #: JOBLINE_RATE_LIMIT.
    RATE = "rate:{}"
    #: string; the version of the layout, see LAYOUT_VERSION; created by the first connection to an empty
    #: ledger, or else with its first job. No TTL, one key in all.
    VERSION = "version"
    #: string; written by the readiness check, which wants to know whether Redis takes writes. TTL: 1 ms.
    PROBE = "probe"
    #: string; never exists. Scripts that must run when Redis is full delete it first.
    NOTHING = "nothing"

    def of(self, *parts: str, prefix: str = DEFAULT_PREFIX) -> str:
        """Build the key of these parts."""
        return prefix + self.value.format(*parts)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one Jobline names its keys in Redis.

    Several Joblines on one Redis have a prefix each. A prefix with a hash tag (``{jl}:``) keeps all keys of
    one Jobline in one slot of a cluster. Each new connection compares the version with that of the ledger.
    """

    prefix: str = DEFAULT_PREFIX
    version: int = LAYOUT_VERSION

    def key(self, key: Key, *parts: str) -> str:
        """Build the key of these parts."""
        return key.of(*parts, prefix=self.prefix)


DEFAULT_LAYOUT = Layout()
