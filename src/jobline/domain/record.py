"""A job as the ledger stores it: the hash of `Key.JOB`, read into types. No HTTP, no Celery."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, overload

from jobline.domain.errors import NotFound
from jobline.domain.state import State

#: The last second of the year 9999, in milliseconds; a `datetime` ends with it.
MAX_MS = 253_402_300_799_000


class Unreadable(NotFound):
    """A record that no program of Jobline wrote; only this job is affected, never a list or a stream."""

    def __init__(self, id: str, reason: Exception) -> None:
        super().__init__(f"The record of the job {id!r} is damaged: {type(reason).__name__}.", about=id)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt, or the job, did not succeed."""

    code: str
    message: str
    retryable: bool
    attempt: int
    traceback: str | None = None

    def dumps(self) -> str:
        """Return the JSON that the ledger stores."""
        content: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "attempt": self.attempt,
        }
        if self.traceback:
            content["traceback"] = self.traceback
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def loads(cls, text: bytes | str) -> Failure:
        """Read what `dumps`, or a script, wrote; raises ValueError or TypeError."""
        return cls(**json.loads(text))


class Record(NamedTuple):
    """One job; JSON values stay text until they are needed."""

    id: str
    state: State
    tenant: str
    task: str
    queue: str
    stamp: int  #: microseconds; unique, and the order of creation
    priority: int
    max_attempts: int
    timeout_ms: int = 0
    attempt: int = 0
    fence: int = 0
    input: bytes | None = None
    result: bytes | None = None
    error: Failure | None = None
    progress: bytes | None = None
    tags: tuple[str, ...] = ()
    cancel_requested: bool = False
    retry_of: str | None = None
    batch_id: str | None = None
    run_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    start_by: datetime | None = None
    answered: bool = False  #: its end was the answer to the submit that created it

    @property
    def created_at(self) -> datetime:
        """When the ledger stored the job, by the clock of Redis."""
        return to_time(self.stamp)

    @classmethod
    def read(cls, id: str, flat: Sequence[bytes]) -> Record:
        """Read the names and values of a reply; raises Unreadable."""
        try:
            return cls._read(id, dict(pairs(flat)))
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise Unreadable(id, error) from error

    @classmethod
    def _read(cls, id: str, fields: dict[bytes, bytes]) -> Record:
        tenant, task, queue = fields[b"partition"].decode().split(":")
        # A start has milliseconds where the stamp has microseconds, and the clock of Redis may step back.
        created = to_time(int(fields[b"stamp"]))
        started = not_before(created, moment(fields.get(b"started")))
        return cls(
            id=id,
            state=State(fields[b"state"].decode()),
            tenant=tenant,
            task=task,
            queue=queue,
            stamp=int(fields[b"stamp"]),
            priority=int(fields[b"priority"]),
            max_attempts=int(fields[b"max_attempts"]),
            timeout_ms=int(fields.get(b"timeout_ms", 0)),
            attempt=int(fields.get(b"attempt", 0)),
            fence=int(fields.get(b"fence", 0)),
            input=fields.get(b"input"),
            result=fields.get(b"result"),
            error=Failure.loads(fields[b"error"]) if b"error" in fields else None,
            progress=fields.get(b"progress"),
            tags=tuple(json.loads(fields[b"tags"])) if b"tags" in fields else (),
            cancel_requested=b"cancel" in fields,
            retry_of=fields[b"retry_of"].decode() if b"retry_of" in fields else None,
            batch_id=fields[b"batch"].decode() if b"batch" in fields else None,
            run_at=moment(fields.get(b"run_at")),
            started_at=started,
            finished_at=not_before(started or created, moment(fields.get(b"finished"))),
            start_by=moment(fields.get(b"start_by")),
            answered=b"answered" in fields,
        )


def pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Return the pairs of a list that has names and values in turn."""
    return zip(flat[::2], flat[1::2], strict=True)


@overload
def moment(ms: bytes | str | int) -> datetime: ...
@overload
def moment(ms: bytes | str | int | None) -> datetime | None: ...
def moment(ms: bytes | str | int | None) -> datetime | None:
    """Return milliseconds since 1970 as an aware UTC time; None stays None.

    A time outside the years 1970 to 9999 becomes the nearest one within: reading never raises for it.
    """
    return None if ms is None else to_time(int(ms) * 1000)


def to_time(us: int) -> datetime:
    """Return microseconds since 1970 as an aware UTC time, within the same bounds."""
    return datetime.fromtimestamp(max(0, min(us, MAX_MS * 1000)) / 1_000_000, UTC)


def not_before(bound: datetime, time: datetime | None) -> datetime | None:
    """Return a time, or the bound if it lies before that."""
    return None if time is None else max(bound, time)
