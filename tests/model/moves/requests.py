"""Clients cancel, delete, read and list jobs."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobline.domain.record import Record
from jobline.ledger import commands
from jobline.ledger.commands.jobs import Filter
from tests.model.comparison import compare_record
from tests.model.entities import Job
from tests.model.moves.creation import Creation
from tests.model.moves.filters import WISHES, Wish
from tests.model.moves.stage import ANY, RETENTION, TENANTS, Part, only


class Requests(Creation):
    """Ask about jobs that are there."""

    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS)
    def cancel(self, number: int, tenant: str) -> None:
        self.cancel_one(self.pick(self.ids, number), tenant)

    def cancel_one(self, job: str, tenant: str) -> None:
        """Cancel a job by its id."""
        reply = self.call(commands.jobs.cancel(job, tenant, RETENTION))
        assert reply[0].decode() == self.model.cancel(job, tenant)
        if len(reply) > 1:
            compare_record(self.model, Record.read(job, reply[1]))

    @only(Part.MANY)
    @rule(wish=WISHES, limit=st.integers(1, 3))
    def bulk_cancel(self, wish: Wish, limit: int) -> None:
        chosen = self.write_filter(wish)
        got = self.run(commands.bulk.cancel(chosen, limit=limit, retention=RETENTION))
        assert (got.revoked, got.requested, got.next_stamp) == self.model.bulk_cancel(chosen, limit)

    @only(Part.DELETES)
    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS)
    def delete(self, number: int, tenant: str) -> None:
        job = self.final_or_any(number)
        got = self.ask(commands.jobs.delete(job, tenant, RETENTION))
        assert (got or "deleted") == self.model.delete(job, tenant)

    @only(Part.READS)
    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS, subscriber=st.sampled_from(["", "p1", "p2"]), note=st.booleans())
    def read(self, number: int, tenant: str, subscriber: str, note: bool) -> None:  # noqa: FBT001
        job = self.pick(self.ids, number)
        wanted = self.model.read(job, tenant, subscriber, note=note)
        found = self.ask(commands.jobs.read_job(job, tenant, subscriber=subscriber, note=note))
        if isinstance(found, Record):
            assert isinstance(wanted, Job)
            compare_record(self.model, found)
        else:
            assert found == wanted

    @only(Part.LISTS)
    @rule(wish=WISHES, limit=st.integers(1, 3))
    def list_jobs(self, wish: Wish, limit: int) -> None:
        chosen = self.write_filter(wish)
        assert self.walk(chosen, limit) == [job.id for job in self.model.fit(chosen)]

    def walk(self, chosen: Filter, limit: int) -> list[str]:
        """Read all pages."""
        found: list[str] = []
        words = {
            "state": chosen.state, "task": chosen.task, "queue": chosen.queue, "tag": chosen.tag,
            "batch_id": chosen.batch_id, "from_stamp": chosen.from_stamp,
        }  # fmt: skip
        below = chosen.below_stamp
        for _ in range(50):
            page = self.run(commands.jobs.list_jobs(chosen.tenant, limit=limit, below_stamp=below, **words))
            assert len(page.records) <= limit
            found += [record.id for record in page.records]
            below = page.next_stamp
            if not below:
                break
        return found
