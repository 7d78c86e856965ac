"""Claim: the ledger chooses, and the model holds that it might.

The ledger chooses the order of the tenants, as long as each one is served; and which of the jobs
that are too late it happens to meet, and which of several lines it looks at while a task is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobline.ledger.commands.attempts import Limits
from tests.model.entities import LEASE_MS, Job
from tests.model.rules.ledger import Ledger, count_down


@dataclass(frozen=True)
class Seen:
    """What a claim did, as the ledger shows it."""

    chosen: Sequence[str]
    revoked: frozenset[str]
    blocked: frozenset[str]
    at_limit: dict[str, set[str]]


class Claims(Ledger):
    """Start what was chosen."""

    def claim(self, owner: str, queues: list[str], slots: int, limits: Limits, seen: Seen) -> list[Job]:
        """Follow a claim; returns the jobs that it started, as they are then."""
        assert len(seen.chosen) <= slots
        before = {queue: self.waiting(queue) for queue in queues if queue not in self.paused}
        self.expect_turns(before.get(queues[0], []), slots, limits, seen)
        for name in sorted(seen.revoked):
            self.expire(self.jobs[name], before)
        blocked = [self.jobs[name] for name in sorted(seen.blocked)]
        for job in blocked:
            self.take_back(job, limits)
        started = []
        for number, name in enumerate(seen.chosen, start=1):
            job = self.jobs[name]
            self.expect_order(job, before, limits, seen)
            self.admit(job, limits, number)
            self.start(job, owner, limits)
            started.append(job)
        for job in blocked:
            limit = limits.tasks[job.task]
            assert self.tasks_running[job.task] >= limit, "a job is blocked and its task has room"
            job.is_blocked = True
            if limit == 0:
                self.unserved.add(job.task)
            self.served.setdefault(job.task, {}).setdefault(job.queue_tenant, (0, 0))
        if len(started) < slots:
            left = [job for line in before.values() for job in line if self.may_start(job, limits)]
            assert not left, "a slot is free and a job waits"
        self.bar(seen, limits)
        return started

    def unblock(self, tasks: list[str], slots: int, limits: Limits) -> None:
        """Unblock the jobs that a worker without these tasks left, one for each slot."""
        for task in tasks:
            for _ in range(slots):
                if self.tasks_running[task] >= limits.tasks.get(task, slots + self.tasks_running[task]):
                    break
                if not self.unblock_next(task):
                    self.unserved.discard(task)
                    break
                self.tasks_running[task] += 1

    def expire(self, job: Job, before: dict[str, list[Job]]) -> None:
        """End a job that came too late."""
        assert job in before[job.queue]
        assert self.is_too_late(job)
        self.end(job, "REVOKED", code="expired")

    def take_back(self, job: Job, limits: Limits) -> None:
        """Take the permit from a job that is blocked because the limit was lowered."""
        assert job.queue_stamp is not None
        assert job.task in limits.tasks, "a job is blocked whose task has no limit"
        if "task" in job.permits:
            assert self.tasks_running[job.task] > limits.tasks[job.task]
            count_down(self.tasks_running, job.task)
            job.permits = []

    def admit(self, job: Job, limits: Limits, number: int) -> None:
        """Count a job among the running ones of its task; where there is more room, let one more wait."""
        limit = limits.tasks.get(job.task)
        if limit is None:
            return
        if not job.permits:
            self.served.setdefault(job.task, {})[job.queue_tenant] = (self.now_us, number)
            self.tasks_running[job.task] += 1
            job.permits = ["task"]
        assert self.tasks_running[job.task] <= limit, "more jobs of a task run than its limit"
        if self.tasks_running[job.task] < limit and self.unblock_next(job.task):
            self.tasks_running[job.task] += 1

    def start(self, job: Job, owner: str, limits: Limits) -> None:
        """Begin an attempt."""
        job.queue_stamp = None
        job.attempt, job.fence = job.attempt + 1, job.fence + 1
        self.move(job, "STARTED")
        job.owner, job.started, job.lease = owner, self.now, self.now + LEASE_MS
        if limits.tenant:
            self.tenants_running[job.tenant] += 1
            job.permits.append("tenant")
            assert self.tenants_running[job.tenant] <= limits.tenant, (
                "more jobs of a tenant run than its limit"
            )
        self.tell(job, "job.started")

    # what must hold of a choice

    def expect_turns(self, waiting: list[Job], slots: int, limits: Limits, seen: Seen) -> None:
        """Check that each tenant of the first queue gets one of enough slots, if no limit applies."""
        tenants = {job.tenant for job in waiting}
        may_wait = any(self.is_too_late(job) or job.task in limits.tasks for job in waiting)
        if slots >= len(tenants) and not may_wait and not limits.tenant and not self.at_limit:
            assert tenants <= {self.jobs[name].tenant for name in seen.chosen}, "a tenant is not served"

    def expect_order(self, job: Job, before: dict[str, list[Job]], limits: Limits, seen: Seen) -> None:
        """Check that no job of the same tenant, or of an earlier queue, should have come first."""
        assert job.queue in before, "a job of a paused queue starts"
        assert job.queue_stamp is not None, "a job starts that does not wait"
        assert not self.is_too_late(job), "a job starts after its time"
        if job in before[job.queue]:
            ahead = before[job.queue][: before[job.queue].index(job)]
            assert not [
                one
                for one in ahead
                if one.tenant == job.tenant and one.queue_stamp and one.id not in seen.blocked
            ], "a job is claimed out of order"
        for queue, line in before.items():
            if queue == job.queue:
                return
            assert not [one for one in line if one.id not in seen.blocked and self.may_start(one, limits)]

    def may_start(self, job: Job, limits: Limits) -> bool:
        """Return whether a job that waited could start."""
        left_rotation = job.queue in self.at_limit.get(job.tenant, ())
        is_at_limit = limits.tenant and self.tenants_running[job.tenant] >= limits.tenant
        return bool(job.queue_stamp and not job.is_blocked and not left_rotation and not is_at_limit)

    def bar(self, seen: Seen, limits: Limits) -> None:
        """Follow which tenants left a rotation; only a tenant at its limit may."""
        for tenant, queues in seen.at_limit.items():
            if queues - self.at_limit.get(tenant, set()):
                assert limits.tenant
                assert self.tenants_running[tenant] >= limits.tenant, (
                    "a tenant below its limit left the rotation"
                )
        self.at_limit = {tenant: set(queues) for tenant, queues in seen.at_limit.items()}
