"""Filters, as clients give them to the verbs that walk jobs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from jobline.ledger.commands.jobs import Filter
from tests.model.entities import FEW
from tests.model.moves.stage import Stage


@dataclass(frozen=True)
class Wish:
    """A filter, and the jobs and the batch that bound it."""

    chosen: Filter
    batch: int | None
    below: int | None
    down_to: int | None


WISHES = st.builds(
    Wish,
    chosen=st.builds(
        Filter,
        tenant=st.sampled_from(["one", "one", "two"]),
        state=st.sampled_from(["", "", "", "PENDING STARTED RETRY", "FAILURE REVOKED", "SUCCESS"]),
        task=st.sampled_from(["", "", "", FEW]),
        queue=st.sampled_from(["", "", "", "left"]),
        tag=st.sampled_from(["", "", "", "a"]),
    ),
    batch=st.sampled_from([None, None, 0, 0]),
    below=st.sampled_from([None] * 5 + [0, 2]),
    down_to=st.sampled_from([None] * 5 + [3, 5]),
)


class Filters(Stage):
    """Write filters that name what is there."""

    def write_filter(self, wish: Wish) -> Filter:
        """Return the filter with the batch and the stamps of jobs."""
        bounds = {
            name: str(self.model.jobs[job_id].stamp)
            for name, number in (("below_stamp", wish.below), ("from_stamp", wish.down_to))
            if number is not None and self.ids and (job_id := self.pick(self.ids, number)) in self.model.jobs
        }
        batch = self.pick(self.batches, wish.batch) if wish.batch is not None and self.batches else ""
        return replace(wish.chosen, batch_id=batch, **bounds)
