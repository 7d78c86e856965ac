"""The verbs of a client about many jobs: cancel and retry all that fit a filter.

Each call does bounded work and returns where to go on; the caller loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobline.domain.retention import Retention
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.commands.jobs import Filter
from jobline.ledger.scripts import Script

BULK_CANCEL = Script("bulk_cancel")
BULK_RETRY = Script("bulk_retry")


@dataclass(frozen=True, slots=True)
class BulkCancelled:
    """How many jobs one call cancelled; ``next_stamp`` is empty when none is left."""

    revoked: int
    requested: int
    next_stamp: str


def cancel(chosen: Filter, *, limit: int, retention: Retention) -> Command[BulkCancelled]:
    """Cancel the newest ``limit`` jobs that fit: waiting ones at once, running ones are asked to stop."""

    def read(reply: Reply) -> BulkCancelled:
        revoked, requested, next_stamp = reply
        return BulkCancelled(revoked, requested, next_stamp.decode())

    return Command(BULK_CANCEL, (*chosen.words(limit), *retention), read)


@dataclass(frozen=True, slots=True)
class BulkRetried:
    """How many jobs one call retried; ``is_full``: the queue of the next one has no room."""

    retried: int
    skipped: int
    next_stamp: str
    is_full: bool


def retry(chosen: Filter, new_ids: Sequence[str], *, queue_limit: int) -> Command[BulkRetried]:
    """Retry the newest jobs that fit and failed or were revoked, at most as many as there are ids.

    Jobs that were retried before, or lack a file, are skipped.
    """

    def read(reply: Reply) -> BulkRetried:
        retried, skipped, next_stamp, full = reply
        return BulkRetried(retried, skipped, next_stamp.decode(), full == b"full")

    return Command(BULK_RETRY, (*chosen.words(len(new_ids)), queue_limit, *new_ids), read)
