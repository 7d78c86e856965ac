"""An event, an immutable fact in a job's life, as the scripts write it. No HTTP.

Its id comes from Redis' stream ``Key.FEED``: ``<milliseconds>-<sequence>``, unique and rising over all jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

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

    @property
    def position(self) -> Position:
        """Its position in the order of all events."""
        return Position.read(self.id)

    @property
    def happened_at(self) -> datetime:
        """When it happened, by the clock of Redis."""
        return datetime.fromtimestamp(self.position.ms / 1000, UTC)

    @classmethod
    def read_line(cls, line: bytes, job_id: str, partition: str) -> Event:
        """Read a line of a job's history."""
        id_, type_, text = line.split(b" ", 2)
        detail, _, result = text.partition(b"\n")
        return cls(id_.decode(), EventType(type_.decode()), job_id, partition, detail, result or None)

    @classmethod
    def read_message(cls, message: bytes, job_id: str) -> Event:
        """Read what the scripts publish to subscribed processes, after the job's id."""
        id_, type_, partition, text = message.split(b" ", 3)
        detail, _, result = text.partition(b"\n")
        return cls(
            id_.decode(), EventType(type_.decode()), job_id, partition.decode(), detail, result or None
        )


class Entry(NamedTuple):
    """One entry of the feed; the scripts write all but its id in one line."""

    id: bytes
    type: bytes
    job_id: bytes
    partition: bytes
    batch: bytes
    detail: bytes

    @classmethod
    def read(cls, id: bytes, fields: Mapping[bytes, bytes]) -> Entry:
        """Read the fields that Redis has under a stream id."""
        return cls(id, *fields[b"event"].split(b" ", 4))

    @property
    def tenant(self) -> str:
        """The tenant of the job."""
        return self.partition.partition(b":")[0].decode()

    def as_event(self, result: bytes | None = None) -> Event:
        """Return the event, with the result that the record has."""
        type_ = EventType(self.type.decode())
        return Event(
            self.id.decode(), type_, self.job_id.decode(), self.partition.decode(), self.detail, result
        )
