"""Every Redis key of Jobline: its template, type, owner and life. No other file puts a key together.

The scripts get the same templates as Lua functions (see `scripts.definitions`): ``job_key(id)`` in Lua is
``Key.JOB.of(id)`` here. All keys share one prefix, so that a Redis may serve other programs too.

Bounds: "active" is a job that is not final; their number is bounded by the queue limits. What belongs to a
final job ends with it, ``JOBLINE_RESULT_TTL_S`` after its end: the tick removes all of it at once.
"""

from __future__ import annotations

from enum import Enum

PREFIX = "jl:"


class Key(Enum):
    """Name one kind of key; the value is its template."""

    #: hash; born by submit. The record of one job, see `record.py`. Ends with the job.
    JOB = "job:{}"
    #: list of ``<event id> <type> <JSON>``; born by submit, at most EVENTS_KEPT long. Ends with the job.
    EVENTS = "events:{}"
    #: string; born by the tick when a job or file expires. TTL: tombstone_ttl_s.
    GONE = "gone:{}"
    #: string ``<fingerprint> <job id>``; born by submit with an Idempotency-Key. Ends with the job.
    IDEMPOTENCY = "idem:{}"
    #: zset of active job ids by their turn; born by submit, retry, release, tick. Bounded by the queue limit.
    WAITING = "wait:{}"
    #: zset of active job ids by the time they are due (ms); as above.
    DUE = "due:{}"
    #: list of tokens that wake idle workers; at most WAKE_TOKENS long.
    WAKE = "wake:{}"
    #: set of the queues that hold or held jobs; the tick drops the empty ones.
    QUEUES = "queues"
    #: set of paused queues; owned by the operator.
    PAUSED = "paused"
    #: zset of running job ids by the end of their lease (ms); born by claim, moved by renew.
    LEASES = "leases"
    #: zset of waiting job ids by the time at which they must have started (ms).
    START_BY = "start-by"
    #: zset of final job ids by the time at which they are forgotten (ms).
    FINISHED = "finished"
    #: zset of job ids by their stamp: one shelf a (state, tenant:task:queue). Ends when empty.
    SHELF = "shelf:{}:{}"
    #: set of the shelves of one tenant, as ``state:tenant:task:queue``. Bounded by states x tasks x queues.
    SHELVES = "shelves:{}"
    #: zset of job ids by their stamp: one a (tenant, tag). Ends when empty.
    TAG = "tag:{}:{}"
    #: string; the last stamp given out (microseconds), one key in all.
    CLOCK = "clock"
    #: hash {last, hold}: the last tick, and until when no lease is reaped (ms); one key in all.
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
    TELL = "tell:{}"
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

    def of(self, *parts: str) -> str:
        """Build the key for the given parts."""
        return PREFIX + self.value.format(*parts)
