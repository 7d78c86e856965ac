"""Rows 10 and 17: tasks that harm what runs them."""

from __future__ import annotations

from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import LEASE_S, TAKEOVER_S
from tests.support.waiting import wait_until

GOOD = 20
#: task, code of its failure, and how many starts it gets of max_attempts=2
POISONS = [
    ("faults.kill_child", "worker-lost", 2),
    ("faults.memory", "resource.memory", 1),
    ("faults.hang", "timeout", 1),
    ("faults.hold_the_gil", "timeout", 1),
]


def test_poison_ends_and_good_jobs_go_on(rig: Rig, new_row: NewRow) -> None:
    row = new_row("10a", "poison: kills its child, MemoryError, hangs, blocks the GIL; beside 20 good jobs")
    before = [one.pid for one in rig.workers]
    poison = [rig.submit(task, max_attempts=2) for task, _, _ in POISONS]
    good = [rig.submit("faults.work", {"seconds": 0.1}) for _ in range(GOOD)]
    row.recovered_s.append(rig.conclude(row, [*poison, *good], 30))
    row.extra_starts = rig.extra_starts(good)
    assert rig.states(good) == {"SUCCESS": GOOD}
    assert row.extra_starts == 0
    for job, (task, code, starts) in zip(poison, POISONS, strict=True):
        found = rig.read(job)
        assert (found["state"], found["error"]["code"]) == ("FAILURE", code), task
        assert found["attempt"] == starts, task
        assert len(rig.evidence.starts(job)) == starts, task
    assert [one.pid for one in rig.workers if one.is_alive] == before


def test_a_task_that_kills_its_worker_ends_after_its_attempts(rig: Rig, new_row: NewRow) -> None:
    row = new_row("10b", "poison: kills its whole worker each time; beside 20 good jobs")
    poison = rig.submit("faults.kill_worker", max_attempts=2)
    good = [rig.submit("faults.work", {"seconds": 0.1}, max_attempts=5) for _ in range(GOOD)]
    for count in (1, 2):
        row.recovered_s.append(rig.wait_started(poison, TAKEOVER_S + 5, count=count))
        # Start what died, as a supervisor would.
        wait_until(lambda: not all(one.is_alive for one in rig.workers), 5, "a worker died of it")
        rig.ensure_workers(2, wait=False)
    rig.conclude(row, [poison, *good], TAKEOVER_S + 5)
    row.extra_starts = rig.extra_starts(good)
    found = rig.read(poison)
    assert (found["state"], found["error"]["code"]) == ("FAILURE", "worker-lost")
    assert len(rig.evidence.starts(poison)) == 2
    assert rig.states(good) == {"SUCCESS": GOOD}
    # What ran beside it on the other slot of the worker that died is started again, and nothing else.
    assert row.extra_starts <= 2


def test_a_job_that_holds_the_gil_keeps_its_lease(rig: Rig, new_row: NewRow) -> None:
    row = new_row("17", "a job holds the GIL of its process for longer than the lease")
    job = rig.submit("faults.starve", {"seconds": LEASE_S + 2})
    rig.conclude(row, [job], LEASE_S + 10)
    found = rig.read(job)
    assert (found["state"], found["attempt"]) == ("SUCCESS", 1)
    assert rig.count_starts([job]) == {job: 1}
