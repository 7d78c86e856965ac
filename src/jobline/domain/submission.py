"""A job on its way into the ledger: everything is validated, nothing stored yet."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from jobline.domain.record import Record, moment
from jobline.domain.state import State

DEFAULT_PRIORITY = 5
#: Ten years: the longest delay, expiry and wait between attempts. Longer ones belong in a schedule.
MAX_DELAY_S = 3_653 * 86_400


class Submission(NamedTuple):
    """One accepted request to perform a task; times in milliseconds, ``input`` as JSON.

    A tuple, because one is made for each submit, and a frozen dataclass with this many fields takes three
    times as long. `Record` likewise.
    """

    id: str
    input: bytes
    tenant: str
    task: str
    queue: str
    max_attempts: int
    timeout_ms: int
    priority: int = DEFAULT_PRIORITY
    delay_ms: int | None = None
    run_at_ms: int | None = None
    expires_in_ms: int | None = None
    tags: tuple[str, ...] = ()
    idempotency: str = ""  #: digest of (tenant, task, key), or empty
    fingerprint: str = ""  #: SHA-256 of the canonical validated request
    files: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """Tenant, task and queue: the ledger indexes jobs by them."""
        return f"{self.tenant}:{self.task}:{self.queue}"

    @property
    def terms(self) -> tuple[object, ...]:
        """All but the id and the input, as a key: jobs of one batch may share them."""
        return self[2:]

    def repeat(self, id: str, input: bytes) -> Submission:  # noqa: A002 - as the fields
        """Return a request for the same task on the same terms."""
        return Submission(id, input, *self[2:])

    def as_record(self, stamp: int, due_ms: bytes) -> Record:
        """Return the record that the ledger has now stored, without reading it back."""
        start_by = None if self.expires_in_ms is None else moment(stamp // 1000 + self.expires_in_ms)
        return Record(
            id=self.id,
            state=State.PENDING,
            tenant=self.tenant,
            task=self.task,
            queue=self.queue,
            stamp=stamp,
            priority=self.priority,
            max_attempts=self.max_attempts,
            timeout_ms=self.timeout_ms,
            input=self.input,
            tags=self.tags,
            run_at=moment(due_ms) if due_ms else None,
            start_by=start_by,
        )


def digest(*parts: str | bytes) -> str:
    """Return an unambiguous hash of the parts: SHA-256 over each one's length and bytes, in hexadecimal."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()
