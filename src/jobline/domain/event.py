"""An event, an immutable fact in a job's life, as the scripts write it. No HTTP.

Its id comes from Redis' stream ``Key.FEED``: ``<milliseconds>-<sequence>``, unique and rising over all jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from jobline.domain.record import moment
from jobline.domain.state import State


class EventType(StrEnum):
    """What happened."""

    #: Set by submit. The ledger has stored the job.
    CREATED = "job.created"
    #: Set by claim. An attempt runs.
    STARTED = "job.started"
    #: Set by report. The attempt reported its progress.
    PROGRESS = "job.progress"
    #: Set by report. The attempt added a line to its log.
    LOG = "job.log"
    #: Set by settle, rescue, release and tick. An attempt ended, and another one will start.
    RETRYING = "job.retrying"
    #: Set by settle. The last event: the job has its result.
    SUCCEEDED = "job.succeeded"
    #: Set by settle, rescue and tick. The last event: the job has its error.
    FAILED = "job.failed"
    #: Set by cancel, claim, settle, rescue, release and tick. The last event: cancelled, or expired.
    REVOKED = "job.revoked"
    #: Never stored: history and feed return it in place of events that are lost.
    RESET = "reset"

    @property
    def is_last(self) -> bool:
        """Whether no event of the job follows."""
        return self in LAST


LAST = frozenset({EventType.SUCCEEDED, EventType.FAILED, EventType.REVOKED})
#: The state of a job after an event. A reset carries it; a released job may be PENDING.
STATES = {
    EventType.CREATED: State.PENDING,
    EventType.STARTED: State.STARTED,
    EventType.PROGRESS: State.STARTED,
    EventType.LOG: State.STARTED,
    EventType.RETRYING: State.RETRY,
    EventType.SUCCEEDED: State.SUCCESS,
    EventType.FAILED: State.FAILURE,
    EventType.REVOKED: State.REVOKED,
}


#: The parts of a partition: tenant, task and queue.
PARTS = 3


class Position(NamedTuple):
    """A stream id as numbers: the order of events."""

    ms: int
    sequence: int

    @classmethod
    def read(cls, id: str) -> Position:
        """Read a stream id; the sequence may be missing, as in Redis."""
        ms, _, sequence = id.partition("-")
        return cls(int(ms), int(sequence or 0))


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``detail`` is its JSON object, ``result`` the JSON of the result that came with it."""

    id: str
    type: EventType
    job_id: str
    partition: str  #: tenant, task and queue, see `Submission.partition`; empty for a reset of all jobs
    detail: bytes
    result: bytes | None = None

    @classmethod
    def read(
        cls, id: bytes, kind: bytes, job_id: str, partition: bytes, detail: bytes, result: bytes | None = None
    ) -> Event:
        """Read the parts of an event; raises ValueError for one that no script wrote."""
        event = cls(id.decode(), EventType(kind.decode()), job_id, partition.decode(), detail, result or None)
        event.position  # noqa: B018 - it raises for an id that is none
        is_of_all_jobs = event.type is EventType.RESET and not job_id
        if event.partition.count(":") != PARTS - 1 and not is_of_all_jobs:
            raise ValueError(f"no partition: {event.partition!r}")
        return event

    @property
    def position(self) -> Position:
        """Its position in the order of all events."""
        return Position.read(self.id)

    @property
    def happened_at(self) -> datetime:
        """When it happened, by the clock of Redis."""
        return moment(self.position.ms)
