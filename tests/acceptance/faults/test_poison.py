"""Row 10, and starved leases: tasks that harm what runs them."""

from __future__ import annotations

import pytest

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.stage import LEASE_S, TAKEOVER_S, Stage, wait_until

GOOD = 20
#: task, code of its failure, and how many starts it gets of max_attempts=2
POISONS = [
    ("faults.kill_child", "worker-lost", 2),
    ("faults.memory", "resource.memory", 1),
    ("faults.hang", "timeout", 1),
    ("faults.hold_the_gil", "timeout", 1),
]


def test_poison_ends_and_good_jobs_go_on(stage: Stage, new_row: NewRow) -> None:
    row = new_row("10a", "poison: kills its child, MemoryError, hangs, blocks the GIL; beside 20 good jobs")
    poison = [stage.post(task, max_attempts=2) for task, _, _ in POISONS]
    good = [stage.post("faults.work", {"seconds": 0.1}) for _ in range(GOOD)]
    row.jobs = len(poison) + len(good)
    row.recovered_s.append(stage.wait_final([*poison, *good], 30))
    row.extra_starts = stage.extra_starts(good)
    assert stage.states(good) == {"SUCCESS": GOOD}
    assert row.extra_starts == 0
    for job, (task, code, starts) in zip(poison, POISONS, strict=True):
        found = stage.read(job)
        assert (found["state"], found["error"]["code"]) == ("FAILURE", code), task
        assert len(stage.evidence.starts(job)) == starts, task


def test_a_task_that_kills_its_worker_ends_after_its_attempts(stage: Stage, new_row: NewRow) -> None:
    row = new_row("10b", "poison: kills its whole worker each time; beside 20 good jobs")
    poison = stage.post("faults.kill_worker", max_attempts=2)
    good = [stage.post("faults.work", {"seconds": 0.1}, max_attempts=5) for _ in range(GOOD)]
    row.jobs = 1 + len(good)
    for count in (1, 2):
        row.recovered_s.append(stage.wait_started(poison, TAKEOVER_S + 5, count=count))
        # As a supervisor would: what died is started again.
        wait_until(lambda: not all(one.is_alive for one in stage.workers), 5, "a worker died of it")
        stage.ensure_workers(2)
    stage.wait_final([poison, *good], TAKEOVER_S + 5)
    found = stage.read(poison)
    assert (found["state"], found["error"]["code"]) == ("FAILURE", "worker-lost")
    assert len(stage.evidence.starts(poison)) == 2
    assert stage.states(good) == {"SUCCESS": GOOD}
    row.extra_starts = stage.extra_starts(good)
    # What ran beside it on the other slot of the worker that died is started again, and nothing else.
    assert row.extra_starts <= 2


@pytest.mark.parametrize("task", ["faults.starve"])
def test_a_job_that_holds_the_gil_keeps_its_lease(stage: Stage, new_row: NewRow, task: str) -> None:
    row = new_row("17", "a job holds the GIL of its process for longer than the lease")
    job = stage.post(task, {"seconds": LEASE_S + 4})
    row.jobs = 1
    stage.wait_final([job], LEASE_S + 10)
    row.extra_starts = stage.extra_starts([job])
    found = stage.read(job)
    assert (found["state"], found["attempt"]) == ("SUCCESS", 1)
    assert row.extra_starts == 0
