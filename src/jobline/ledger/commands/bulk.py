"""The verbs of a client about many jobs at once: cancel and repeat what fits a filter.

Each call does bounded work and says where to go on; the caller loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobline.domain.retention import Retention
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.commands.jobs import Filter
from jobline.ledger.scripts import Script

CANCEL_MANY = Script("cancel_many")
RETRY_MANY = Script("retry_many")


@dataclass(frozen=True, slots=True)
class ManyCancelled:
    """Count what one call cancelled; ``next_stamp`` is empty when nothing is left."""

    revoked: int
    asked: int
    next_stamp: str


def cancel_many(chosen: Filter, *, limit: int, retention: Retention) -> Command[ManyCancelled]:
    """Cancel the newest ``limit`` jobs that fit: waiting ones at once, running ones are asked to stop."""

    def read(reply: Reply) -> ManyCancelled:
        return ManyCancelled(reply[0], reply[1], reply[2].decode())

    return Command(CANCEL_MANY, (*chosen.words(limit), *retention), read)


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

    return Command(RETRY_MANY, (*chosen.words(len(new_ids)), queue_limit, *new_ids), read)
