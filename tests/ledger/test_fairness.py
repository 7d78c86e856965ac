"""Whose job is next: tenants in rotation, priorities within a tenant, limits; and no job is forgotten."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from jobline.domain.settings import Settings
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Limits
from jobline.ledger.keys import Key
from tests.support.ledger import LEASE_MS, RETENTION, Ledger, start_of

TASK = "demo.add"


def claim(ledger: Ledger, slots: int = 1, limits: Limits = commands.attempts.UNLIMITED) -> list[Claimed]:
    return ledger.run(
        commands.attempts.claim(
            "w1", ["default"], slots=slots, lease_ms=LEASE_MS, retention=RETENTION, limits=limits
        )
    )


def depth(ledger: Ledger) -> int:
    return int(ledger.redis.hget(Key.QUEUES.of(), "default") or 0)


@pytest.mark.parametrize("slots", [1, 4])
def test_single_job_goes_ahead_of_another_tenants_many(ledger: Ledger, slots: int) -> None:
    for _ in range(1_000):
        ledger.submit(tenant="many", priority=9)
    running = [claim(ledger, slots) for _ in range(3)][-1]
    single = ledger.submit(tenant="single", priority=0)
    ledger.succeed(running[0])  # the first slot to be free is the single one's
    assert [job.id for job in claim(ledger)] == [single]


def test_tenants_take_turns_whatever_they_wait_with(ledger: Ledger) -> None:
    owners = {}
    for tenant, count in (("a", 50), ("b", 20), ("c", 20)):
        for _ in range(count):
            owners[ledger.submit(tenant=tenant)] = tenant
    order = [owners[claim(ledger)[0].id] for _ in range(60)]
    for first in range(0, 60, 3):
        assert len(set(order[first : first + 3])) == 3


def test_tenant_that_returns_each_time_is_served_no_more_than_others(ledger: Ledger) -> None:
    for _ in range(40):
        ledger.submit(tenant="many")
    served: Counter[bool] = Counter()
    mine = ledger.submit(tenant="eager")
    for _ in range(40):
        (job,) = claim(ledger)
        served[job.id == mine] += 1
        if job.id == mine:
            mine = ledger.submit(tenant="eager")
    assert abs(served[True] - served[False]) <= 1


def test_free_slots_are_shared_in_one_claim(ledger: Ledger) -> None:
    owners = {ledger.submit(tenant=tenant): tenant for tenant in "ab" for _ in range(20)}
    assert Counter(owners[job.id] for job in claim(ledger, 10)) == {"a": 5, "b": 5}
    assert len(claim(ledger, 100)) == 30
    assert depth(ledger) == 0


def test_priorities_count_within_a_tenant(ledger: Ledger) -> None:
    jobs = {ledger.submit(tenant="a", priority=priority): priority for priority in (3, 9, 0, 7, 9, 1)}
    for _ in range(6):
        ledger.submit(tenant="b", priority=9)
    order = [jobs[job.id] for _ in range(12) for job in claim(ledger) if job.id in jobs]
    assert order == sorted(jobs.values(), reverse=True)


def test_task_runs_no_more_than_its_limit_and_others_go_by(ledger: Ledger) -> None:
    limits = Limits(tasks={TASK: 2})
    slow = [ledger.submit() for _ in range(10)]
    other = ledger.submit(task="demo.other")
    first = claim(ledger, 5, limits)
    assert [job.id for job in first] == [*slow[:2], other]
    assert claim(ledger, 5, limits) == []
    assert depth(ledger) == 8
    ledger.succeed(first[0])
    second = claim(ledger, 5, limits)
    assert [job.id for job in second] == [slow[2]]
    done = drain(ledger, limits, first[1:] + second)
    assert (len(done), depth(ledger)) == (10, 0)
    assert ledger.redis.hgetall(Key.TASKS_RUNNING.of()) == {}


def drain(ledger: Ledger, limits: Limits, running: list[Claimed]) -> list[str]:
    """End the running jobs one by one until none is left; check that at most two run at once."""
    done = []
    while running:
        job = running.pop(0)
        ledger.succeed(job)
        done.append(job.id)
        running += claim(ledger, 5, limits)
        assert len([one for one in running if one.task == TASK]) <= 2
    return done


def test_blocked_jobs_of_tenants_are_served_in_rotation_too(ledger: Ledger) -> None:
    limits = Limits(tasks={TASK: 1})
    owners = {ledger.submit(tenant="many"): "many" for _ in range(20)}
    (running,) = claim(ledger, 50, limits)
    owners[ledger.submit(tenant="single")] = "single"
    claim(ledger, 50, limits)
    ledger.succeed(running)
    assert [owners[job.id] for job in claim(ledger, 50, limits)] == ["single"]


def test_cancelled_blocked_job_and_one_about_to_start_leave_no_gap(ledger: Ledger) -> None:
    limits = Limits(tasks={TASK: 1})
    jobs = [ledger.submit() for _ in range(4)]
    (running,) = claim(ledger, 5, limits)
    ledger.cancel(jobs[2])
    ledger.succeed(running)
    ledger.cancel(jobs[1])  # it has the permit of the one that ended
    assert [job.id for job in claim(ledger, 5, limits)] == [jobs[3]]
    assert depth(ledger) == 0


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (1, 0)])
def test_limit_that_changes_is_the_limit(ledger: Ledger, before: int, after: int) -> None:
    for _ in range(12):
        ledger.submit()
    running = claim(ledger, 20, Limits(tasks={TASK: before}))
    assert len(running) == before
    limits = Limits(tasks={TASK: after} if after else {})
    done = 0
    while running:
        ledger.succeed(running.pop(0))
        done += 1
        running += claim(ledger, 20, limits)
        if after and done > 3:
            assert len(running) <= after
    assert (done, depth(ledger)) == (12, 0)
    assert ledger.redis.hgetall(Key.TASKS_RUNNING.of()) == {}


@pytest.mark.parametrize("end", ["succeed", "retry", "release", "rescue"])
def test_tenant_runs_no_more_than_its_limit(ledger: Ledger, end: str) -> None:
    limits = Limits(tenant=2)
    for tenant in ("a", "b"):
        for _ in range(5):
            ledger.submit(tenant=tenant)
    running = claim(ledger, 20, limits)
    assert len(running) == 4
    assert claim(ledger, 20, limits) == []
    if end == "release":
        ledger.release(running[0])
    else:
        getattr(ledger, end)(running[0])
    assert len(claim(ledger, 20, limits)) == 1
    assert claim(ledger, 20, limits) == []


def test_any_order_of_verbs_keeps_limits_depth_and_every_job(ledger: Ledger) -> None:
    """A plain model beside the ledger: random tenants, tasks, priorities, ends and cancels."""
    dice = random.Random(4)  # noqa: S311 - a test's dice
    limits = Limits(tenant=3, tasks={TASK: 2})
    waiting: dict[str, str] = {}
    running: dict[str, tuple[Claimed, str]] = {}
    for _ in range(600):
        match dice.randrange(5):
            case 0 | 1:
                tenant = dice.choice("abc")
                job_id = ledger.submit(
                    tenant=tenant, task=dice.choice([TASK, "demo.other"]), priority=dice.randrange(10)
                )
                waiting[job_id] = tenant
            case 2:
                for job in claim(ledger, dice.randrange(1, 5), limits):
                    running[job.id] = (job, waiting.pop(job.id))
            case 3 if running:
                job, tenant = running.pop(dice.choice(list(running)))
                if dice.random() < 0.3:
                    ledger.release(job)
                    waiting[job.id] = tenant
                else:
                    ledger.succeed(job)
            case 4 if waiting and dice.random() < 0.5:
                job_id = dice.choice(list(waiting))
                ledger.cancel(job_id, tenant=waiting.pop(job_id))
        assert depth(ledger) == len(waiting)
        assert max(Counter(tenant for _, tenant in running.values()).values(), default=0) <= 3
        assert len([1 for job, _ in running.values() if job.task == TASK]) <= 2
    while waiting or running:
        for job, _ in running.values():
            ledger.succeed(job)
        running = {job.id: (job, waiting.pop(job.id)) for job in claim(ledger, 50, limits)}
        assert running or not waiting, "waiting jobs, free slots, and nothing starts"
    ledger.tick()
    kinds = (Key.WAITING, Key.ROTATION, Key.BLOCKED, Key.BLOCKED_ROTATION, Key.AT_LIMIT)
    assert [key for key in ledger.snapshot() if key.startswith(tuple(map(start_of, kinds)))] == []


def test_settings_leave_running_jobs_unbounded() -> None:
    assert Settings().tenant_max_running == 0
