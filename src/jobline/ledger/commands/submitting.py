"""Submit: how a job comes into the ledger; and what all commands share that bring jobs."""

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
    """Say what a submit did, of one job or of a batch, or a retry."""

    #: The ledger holds what is new.
    CREATED = "created"
    #: The same key, or the same id, came before: what it made then stands.
    REPLAYED = "replayed"
    #: The key came before with another request.
    REUSED = "reused"
    #: The queue has no room.
    FULL = "full"
    #: An input names a file that never was.
    NO_FILE = "no-file"
    #: An input names a file that expired.
    GONE_FILE = "gone-file"


@dataclass(frozen=True, slots=True)
class Receipt(Generic[T]):
    """Answer a submit: a ``record``, of the job or of the batch, with CREATED and REPLAYED alone.

    ``about`` names the queue that is full, or the file that is missing, in a batch to the job ``index``.
    """

    outcome: Submitted
    record: T | None = None
    about: str = ""
    index: int = 0

    def accepted(self) -> T:
        """Give the record; raises KeyReused, QueueFull, NotFound or Gone where there is none."""
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


def submit(order: Submission, *, queue_limit: int, watcher: str = "") -> Command[Receipt[Record]]:
    """Store a job, or find the one that this key or id made before; one round trip."""
    args = (
        order.id, order.input, *write_terms(order), order.idempotency, order.fingerprint,
        queue_limit, watcher,
    )  # fmt: skip

    def read(reply: Reply) -> Receipt[Record]:
        if reply[0] == b"created":  # the record is not read back
            return Receipt(Submitted.CREATED, order.as_record(int(reply[1]), reply[2]))
        return read_receipt(reply, Record.read)

    return Command(SUBMIT, args, read)


def write_terms(order: Submission) -> tuple[Argument, ...]:
    """Write what the scripts read of a new job beside its id and its input: many of a batch may share it."""
    return (
        order.place, order.priority, order.max_attempts, order.timeout_ms, text(order.delay_ms),
        text(order.run_at_ms), text(order.expires_in_ms), write_tags(order.tags), " ".join(order.files),
    )  # fmt: skip


def write_tags(tags: tuple[str, ...]) -> str:
    """Write tags as the ledger holds them: JSON, or nothing where there are none."""
    return json.dumps(tags, ensure_ascii=False) if tags else ""


def read_receipt(reply: Reply, read_record: Callable[[str, list[bytes]], T]) -> Receipt[T]:
    """Read what a script says that made something, found what was made before, or refused."""
    outcome, about = Submitted(reply[0].decode()), reply[1].decode()
    if outcome in {Submitted.CREATED, Submitted.REPLAYED}:
        return Receipt(outcome, read_record(about, reply[2]))
    return Receipt(outcome, about=about, index=reply[2] if len(reply) > 2 else 0)  # noqa: PLR2004 - a batch says which job
