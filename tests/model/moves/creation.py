"""Clients submit, one by one and in batches, and repeat what failed."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobline.domain.state import State
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.batches import Batch, BatchOrder
from tests.model import entities
from tests.model.comparison import compare_batch, compare_record
from tests.model.entities import FEW, QUEUE_LIMIT, TASK, Job, Times
from tests.model.moves.filters import WISHES, Filters, Wish
from tests.model.moves.stage import ANY, QUEUES, TENANTS, Part, only

#: Stands for a file that never was.
NOWHERE = -1


@dataclass(frozen=True)
class Order:
    """One submit, as hypothesis chooses it."""

    tenant: str
    task: str
    queue: str
    priority: int
    most: int
    times: Times
    tags: tuple[str, ...]
    key: str
    fingerprint: str
    file: int | None
    again: bool


ORDERS = st.builds(
    Order,
    tenant=TENANTS,
    task=st.sampled_from([TASK, FEW]),
    queue=QUEUES,
    priority=st.sampled_from([0, 5, 9]),
    most=st.integers(1, 3),
    times=st.builds(
        Times,
        delay_ms=st.sampled_from([None] * 5 + [0, 1, 2_000]),
        expires_ms=st.sampled_from([None] * 4 + [1, 3_000]),
    ),
    tags=st.sampled_from([(), (), ("a",), ("a", "b")]),
    key=st.sampled_from(["", "", "", "k1", "k2"]),
    fingerprint=st.sampled_from(["f1", "f1", "f2"]),
    file=st.sampled_from([None] * 8 + [0, 1, NOWHERE]),
    again=st.sampled_from([False] * 9 + [True]),
)


class Creation(Filters):
    """Bring jobs into the ledger."""

    @rule(orders=st.lists(ORDERS, min_size=1, max_size=3))
    def submit(self, orders: list[Order]) -> None:
        for order in orders:
            self.submit_one(order)

    def submit_one(self, wish: Order) -> None:
        """Submit one job, or one that was submitted before."""
        job_id = self.ids[-1] if wish.again and self.ids else self.new_id()
        idem = f"{wish.tenant}-{wish.key}" if wish.key else ""
        order, job = self.write(wish, job_id, wish.tenant, idem)
        word, about = self.model.submit(job, wish.times)
        receipt = self.run(commands.submitting.submit(order, queue_limit=QUEUE_LIMIT))
        assert receipt.outcome.value == word
        if word == "created":
            self.ids.append(job_id)
        if receipt.record is not None:
            assert receipt.record.id == about
            compare_record(self.model, receipt.record)
        else:
            assert receipt.about == about

    @only(Part.BATCHES)
    @rule(
        wishes=st.lists(ORDERS, min_size=1, max_size=3),
        tenant=TENANTS,
        copies=st.sampled_from([1, 1, 3]),
        key=st.sampled_from(["", "b1"]),
        fingerprint=st.sampled_from(["f1", "f2"]),
        again=st.sampled_from([False] * 5 + [True]),
    )
    def submit_batch(
        self,
        wishes: list[Order],
        tenant: str,
        copies: int,
        key: str,
        fingerprint: str,
        again: bool,  # noqa: FBT001
    ) -> None:
        wishes = wishes * copies
        written = [self.write(wish, self.new_id(), tenant) for wish in wishes]
        batch_id = self.batches[-1] if again and self.batches else f"b{self.new_id()}"
        idem = f"{tenant}-{key}" if key else ""
        batch = entities.Batch(batch_id, tenant, ("t",), idem, fingerprint)
        found = self.model.submit_batch(
            batch, [(job, wish.times) for (_, job), wish in zip(written, wishes, strict=True)]
        )
        order = BatchOrder(
            id=batch_id,
            tenant=tenant,
            jobs=[submission for submission, _ in written],
            tags=("t",),
            idempotency=idem,
            fingerprint=fingerprint,
        )
        receipt = self.run(commands.batches.submit_batch(order, queue_limit=QUEUE_LIMIT))
        if receipt.record is None:
            assert (receipt.outcome.value, receipt.about, receipt.index) == found
            return
        assert (receipt.outcome.value, receipt.record.id, 0) == found
        compare_batch(self.model.batches[found[1]], receipt.record)
        if found[0] == "created":
            self.batches.append(batch_id)
            self.ids += [job.id for _, job in written]

    @only(Part.BATCHES)
    @precondition(lambda self: self.batches)
    @rule(number=ANY, tenant=TENANTS)
    def read_batch(self, number: int, tenant: str) -> None:
        batch_id = self.pick(self.batches, number)
        wanted = self.model.read_batch(batch_id, tenant)
        found = self.ask(commands.batches.read_batch(batch_id, tenant))
        if isinstance(found, Batch):
            assert not isinstance(wanted, str)
            compare_batch(wanted, found)
        else:
            assert found == wanted

    @only(Part.AGAIN)
    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS, again=st.sampled_from([False] * 5 + [True]))
    def retry(self, number: int, tenant: str, again: bool) -> None:  # noqa: FBT001
        job_id = self.final_or_any(number)
        new_id = self.ids[-1] if again else self.new_id()
        word, about = self.model.retry(job_id, tenant, new_id)
        got = self.ask(commands.jobs.retry_job(job_id, tenant, new_id, queue_limit=QUEUE_LIMIT))
        if isinstance(got, State):
            assert (word, about) == ("refused", got.value)
            return
        if isinstance(got, str):
            assert got == word
            return
        assert got.outcome.value == word
        if got.record is not None:
            assert got.record.id == about
            compare_record(self.model, got.record)
            if not again:
                self.ids.append(new_id)
        else:
            assert got.about == about

    @only(Part.MANY)
    @rule(wish=WISHES, limit=st.integers(1, 3))
    def bulk_retry(self, wish: Wish, limit: int) -> None:
        new_ids = [self.new_id() for _ in range(limit)]
        chosen = self.write_filter(wish)
        wanted = self.model.bulk_retry(chosen, new_ids)
        got = self.run(commands.bulk.retry(chosen, new_ids, queue_limit=QUEUE_LIMIT))
        assert (got.retried, got.skipped, got.next_stamp, got.is_full) == wanted
        self.ids += [job_id for job_id in new_ids if job_id in self.model.jobs]

    def write(self, wish: Order, job_id: str, tenant: str, idem: str = "") -> tuple[Submission, Job]:
        """Write an order for the ledger, and for the model."""
        files: tuple[str, ...] = ()
        if wish.file is not None:
            files = ("nowhere" if wish.file == NOWHERE else self.pick(self.files, wish.file),)
        submission = Submission(
            id=job_id,
            tenant=tenant,
            task=wish.task,
            queue=wish.queue,
            input=b"{}",
            max_attempts=wish.most,
            timeout_ms=1000,
            priority=wish.priority,
            delay_ms=wish.times.delay_ms,
            expires_in_ms=wish.times.expires_ms,
            tags=wish.tags,
            idempotency=idem,
            fingerprint=wish.fingerprint,
            files=files,
        )
        job = Job(
            job_id,
            tenant,
            wish.task,
            wish.queue,
            wish.priority,
            wish.most,
            tags=wish.tags,
            idem=idem,
            fingerprint=wish.fingerprint,
            files=files,
        )
        return submission, job
