"""Which jobs fit a filter, and where a walk over them goes on."""

from __future__ import annotations

from collections.abc import Sequence

from jobline.ledger.commands.jobs import Filter
from tests.model.entities import Job
from tests.model.rules.ledger import Ledger


class Selection(Ledger):
    """Choose jobs."""

    def fit(self, chosen: Filter) -> list[Job]:
        """List the jobs that fit, newest first."""
        if chosen.batch_id and not self.has_batch(chosen):
            return []
        found = [
            job
            for job in self.jobs.values()
            if job.tenant == chosen.tenant
            and (not chosen.below_stamp or job.stamp < int(chosen.below_stamp))
            and (not chosen.from_stamp or job.stamp >= int(chosen.from_stamp))
            and (not chosen.state or job.state in chosen.state.split())
            and chosen.task in {"", job.task}
            and chosen.queue in {"", job.queue}
            and (not chosen.tag or chosen.tag in job.tags)
            and chosen.batch_id in {"", job.batch}
        ]
        return sorted(found, key=lambda job: -job.stamp)

    def has_batch(self, chosen: Filter) -> bool:
        """Return whether the tenant has the batch of the filter."""
        batch = self.batches.get(chosen.batch_id)
        return batch is not None and batch.tenant == chosen.tenant


def go_on(found: Sequence[Job], position: int) -> str:
    """Return the stamp to go on from after this walk; nothing if no more jobs fit."""
    return str(found[position].stamp) if position + 1 < len(found) else ""
