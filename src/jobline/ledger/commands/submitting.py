"""Submit: how a job enters the ledger; and what all commands share that create jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from jobline.domain.errors import Gone, KeyReused, NotFound, QueueFull
from jobline.domain.record import Record
from jobline.domain.submission import Submission
from jobline.ledger.commands.command import Argument, Command, Reply, text
from jobline.ledger.scripts import Script

SUBMIT = Script("submit")

T = TypeVar("T")


class Submitted(StrEnum):
    """The outcome of a submit, of one job or of a batch, or of a retry."""

    #: The ledger has stored the new job or batch.
    CREATED = "created"
    #: The same key, or the same id, came before: the answer is what it created then.
    REPLAYED = "replayed"
    #: The key came before with another request.
    REUSED = "reused"
    #: The queue has no room.
    FULL = "full"
    #: An input names a file that never was.
    NO_FILE = "no-file"
    #: An input names a file that has expired.
    GONE_FILE = "gone-file"


@dataclass(frozen=True, slots=True)
class Receipt(Generic[T]):
    """The answer to a submit: the ``record`` of the job or of the batch, with CREATED and REPLAYED alone.

    ``about`` is the queue that is full, or the file that is missing; ``index`` is the job of the batch.
    """

    outcome: Submitted
    record: T | None = None
    about: str = ""
    index: int = 0

    def accepted(self) -> T:
        """Return the record; raises KeyReused, QueueFull, NotFound or Gone if there is none."""
        if self.record is not None:
            return self.record
        match self.outcome:
            case Submitted.REUSED:
                raise KeyReused("This Idempotency-Key came before with another request. Use a new key.")
            case Submitted.FULL:
                raise QueueFull(
                    f"The queue {self.about!r} takes no more waiting jobs. Try again later.", retry_after_s=1
                )
            case Submitted.GONE_FILE:
                raise Gone(f"The file {self.about} has expired.")
            case _:
                raise NotFound(f"There is no file {self.about}.")


def submit(order: Submission, *, queue_limit: int, subscriber: str = "") -> Command[Receipt[Record]]:
    """Store a job, or find the one that this key or id created before; one round trip."""
    args = (
        order.id, order.input, *write_terms(order), order.idempotency, order.fingerprint,
        queue_limit, subscriber,
    )  # fmt: skip

    def read(reply: Reply) -> Receipt[Record]:
        if reply[0] == b"created":  # the record is not read back
            _, stamp, due_ms = reply
            return Receipt(Submitted.CREATED, order.as_record(int(stamp), due_ms))
        return read_receipt(reply, Record.read)

    return Command(SUBMIT, args, read)


def write_terms(order: Submission) -> tuple[Argument, ...]:
    """Return a new job's terms as the scripts read them: all but its id and input. Jobs may share them."""
    return (
        order.partition, order.priority, order.max_attempts, order.timeout_ms, text(order.delay_ms),
        text(order.run_at_ms), text(order.expires_in_ms), write_tags(order.tags), " ".join(order.files),
    )  # fmt: skip


def write_tags(tags: tuple[str, ...]) -> str:
    """Return tags as the ledger stores them: JSON, or nothing if there are none."""
    return json.dumps(tags, ensure_ascii=False) if tags else ""


def read_receipt(reply: Reply, read_record: Callable[[str, list[bytes]], T]) -> Receipt[T]:
    """Read the reply of a script that created something, found what was created before, or refused."""
    word, about, *more = reply
    outcome = Submitted(word.decode())
    if outcome in {Submitted.CREATED, Submitted.REPLAYED}:
        (record,) = more
        return Receipt(outcome, read_record(about.decode(), record))
    return Receipt(outcome, about=about.decode(), index=more[0] if more else 0)
