"""Compare what a client reads with the model: a job, a batch."""

from __future__ import annotations

from jobline.domain.record import Record
from jobline.ledger import commands
from tests.model.entities import Batch
from tests.model.rules import Model


def compare_record(model: Model, record: Record) -> None:
    """Compare what a client reads with the model."""
    job = model.jobs[record.id]
    got = (
        record.state.value,
        record.tenant,
        record.queue,
        record.priority,
        record.attempt,
        record.max_attempts,
        record.cancel_requested,
        record.tags,
        record.stamp,
        record.error.code if record.error else None,
        record.batch_id,
        record.retry_of,
        record.answered,
    )
    wanted = (
        job.state,
        job.tenant,
        job.queue,
        job.priority,
        job.attempt,
        job.max_attempts,
        job.cancel,
        job.tags,
        job.stamp,
        job.code,
        job.batch,
        job.retry_of,
        job.answered,
    )
    assert got == wanted


def compare_batch(wanted: Batch, got: commands.batches.Batch) -> None:
    """Compare a batch as a client reads it with the model."""
    counts = {state.value: count for state, count in got.counts.items() if count}
    assert counts == {state: count for state, count in wanted.counts.items() if count}
    assert (got.id, got.tenant, got.stamp, got.total, got.tags) == (
        wanted.id, wanted.tenant, wanted.stamp, wanted.total, wanted.tags,
    )  # fmt: skip
