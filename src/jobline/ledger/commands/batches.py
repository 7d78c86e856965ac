"""The verbs of batches: many jobs that are submitted together, all or none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jobline.domain.record import pairs
from jobline.domain.state import State
from jobline.domain.submission import Submission
from jobline.ledger.commands.command import Argument, Command, Reply, refuse_missing
from jobline.ledger.commands.submitting import Receipt, read_receipt, write_tags, write_terms
from jobline.ledger.scripts import Script

SUBMIT_BATCH = Script("submit_batch")
READ_BATCH = Script("read_batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """One accepted request for many jobs."""

    id: str
    tenant: str
    jobs: Sequence[Submission]
    tags: tuple[str, ...] = ()
    idempotency: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch; ``counts`` are of all its jobs by state, of expired ones by their last state."""

    id: str
    tenant: str
    stamp: int
    total: int
    tags: tuple[str, ...]
    counts: dict[State, int]

    @property
    def created_at(self) -> datetime:
        """When the ledger stored the batch, by the clock of Redis."""
        return datetime.fromtimestamp(self.stamp / 1_000_000, UTC)

    @property
    def is_done(self) -> bool:
        """Whether every job of it has ended."""
        return not any(count for state, count in self.counts.items() if not state.is_terminal)

    @classmethod
    def read(cls, id: str, flat: Sequence[bytes]) -> Batch:
        """Read the names and values of a reply."""
        fields = dict(pairs(flat))
        return cls(
            id=id,
            tenant=fields[b"tenant"].decode(),
            stamp=int(fields[b"stamp"]),
            total=int(fields[b"total"]),
            tags=tuple(json.loads(fields.get(b"tags", b"[]"))),
            counts={state: int(fields.get(state.encode(), 0)) for state in State},
        )


def submit_batch(order: BatchOrder, *, queue_limit: int) -> Command[Receipt[Batch]]:
    """Store all jobs of a batch, or none of them; one round trip. Terms that jobs share are sent once."""
    numbers: dict[tuple[object, ...], int] = {}
    terms: list[Argument] = []
    jobs: list[Argument] = []
    for job in order.jobs:
        number = numbers.get(job.terms)
        if number is None:
            number = numbers[job.terms] = len(numbers) + 1
            terms += write_terms(job)
        jobs += (number, job.id, job.input)
    args = (
        order.id, order.tenant, write_tags(order.tags), order.idempotency, order.fingerprint, queue_limit,
        len(numbers), *terms, *jobs,
    )  # fmt: skip
    return Command(SUBMIT_BATCH, args, lambda reply: read_receipt(reply, Batch.read))


def read_batch(id: str, tenant: str) -> Command[Batch]:
    """Read one batch; raises NotFound or Gone as the reply is read."""

    def read(reply: Reply) -> Batch:
        word, *found = reply
        refuse_missing(id, word, what="batch")
        (record,) = found
        return Batch.read(id, record)

    return Command(READ_BATCH, (id, tenant), read)
