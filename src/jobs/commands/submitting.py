"""Submit: how a job comes into the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from jobs.commands.command import Argument, Command, Reply, text
from jobs.record import Record
from jobs.scripts import Verb
from jobs.submission import Submission


class Submitted(StrEnum):
    """Say what a submit did."""

    #: The ledger holds a new job.
    CREATED = "created"
    #: The same key, or the same id, came before: the first job stands.
    REPLAYED = "replayed"
    #: The key came before with another request.
    REUSED = "reused"
    #: The queue has no room.
    FULL = "full"
    #: The input names a file that never was.
    NO_FILE = "no-file"
    #: The input names a file that expired.
    GONE_FILE = "gone-file"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer a submit: a ``record`` with CREATED and REPLAYED; ``about`` names the file that is missing."""

    outcome: Submitted
    record: Record | None = None
    about: str = ""


def submit(order: Submission, *, queue_limit: int, watcher: str = "") -> Command[Receipt]:
    """Store a job, or find the one that this key or id made before; one round trip."""
    args: tuple[Argument, ...] = (
        order.id, order.place, order.priority, order.max_attempts, order.timeout_ms, order.input,
        text(order.delay_ms), text(order.run_at_ms), text(order.expires_in_ms),
        json.dumps(order.tags, ensure_ascii=False) if order.tags else "",
        order.idempotency, order.fingerprint, queue_limit, watcher, order.retry_of or "",
        " ".join(order.files),
    )  # fmt: skip

    def read(reply: Reply) -> Receipt:
        outcome = Submitted(reply[0].decode())
        if outcome is Submitted.CREATED:
            return Receipt(outcome, order.as_record(int(reply[1]), reply[2]))
        if outcome is Submitted.REPLAYED:
            return Receipt(outcome, Record.read(reply[1].decode(), reply[2]))
        return Receipt(outcome, about=reply[1].decode() if isinstance(reply[1], bytes) else "")

    return Command(Verb.SUBMIT.value, args, read)
