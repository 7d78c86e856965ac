"""The verbs of a client about many jobs at once: cancel and repeat what fits a filter; and repeating one job.

Each call does bounded work and says where to go on; the caller loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.commands.command import Command, Lives, Reply, refuse_missing
from jobs.commands.jobs import Filter
from jobs.record import Record
from jobs.scripts import Verb


@dataclass(frozen=True, slots=True)
class ManyCancelled:
    """Count what one call cancelled; ``next_stamp`` is empty when nothing is left."""

    revoked: int
    asked: int
    next_stamp: str


def cancel_many(chosen: Filter, *, limit: int, lives: Lives) -> Command[ManyCancelled]:
    """Cancel the newest ``limit`` jobs that fit: waiting ones at once, running ones are asked to stop."""

    def read(reply: Reply) -> ManyCancelled:
        return ManyCancelled(reply[0], reply[1], reply[2].decode())

    return Command(Verb.CANCEL_MANY.value, (*chosen.words(limit), lives.result_ms, lives.file_ms), read)


@dataclass(frozen=True, slots=True)
class ManyRetried:
    """Count what one call repeated; ``is_full`` says that the queue of the next one had no room."""

    retried: int
    skipped: int
    next_stamp: str
    is_full: bool


def retry_many(chosen: Filter, new_ids: Sequence[str], *, queue_limit: int) -> Command[ManyRetried]:
    """Repeat the newest jobs that fit, failed or revoked, as many as there are ids.

    What was repeated before, or lacks a file, is skipped.
    """

    def read(reply: Reply) -> ManyRetried:
        return ManyRetried(reply[0], reply[1], reply[2].decode(), reply[3] == b"full")

    return Command(Verb.RETRY_MANY.value, (*chosen.words(len(new_ids)), queue_limit, *new_ids), read)


class Repeated(StrEnum):
    """Say what a retry did."""

    #: The ledger holds a new job.
    CREATED = "created"
    #: The job neither failed nor was revoked.
    UNFIT = "unfit"
    #: The queue has no room.
    FULL = "full"
    #: The input names a file that never was.
    NO_FILE = "no-file"
    #: The input names a file that expired.
    GONE_FILE = "gone-file"


@dataclass(frozen=True, slots=True)
class Repeat:
    """Answer a retry: a ``record`` with CREATED; ``about`` is the state with UNFIT, or the missing file."""

    outcome: Repeated
    record: Record | None = None
    about: str = ""


def retry_job(id: str, tenant: str, new_id: str, *, queue_limit: int) -> Command[Repeat]:  # noqa: A002
    """Make a new job of one that failed or was revoked; raises NotFound or Gone as it is read."""

    def read(reply: Reply) -> Repeat:
        refuse_missing(id, reply[0])
        outcome = Repeated(reply[0].decode())
        if outcome is Repeated.CREATED:
            return Repeat(outcome, Record.read(reply[1].decode(), reply[2]))
        return Repeat(outcome, about=reply[1].decode() if isinstance(reply[1], bytes) else "")

    return Command(Verb.RETRY.value, (id, tenant, new_id, queue_limit), read)
