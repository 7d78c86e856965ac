"""Row 11: cancels that meet no worker, a running job, a dying worker and a deaf job."""

from __future__ import annotations

import signal

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import TAKEOVER_S, hold
from tests.acceptance.faults.stage import Stage


def test_a_job_cancelled_without_workers_never_starts(stage: Stage, new_row: NewRow) -> None:
    row = new_row("11a", "cancel of waiting jobs with no worker up, then start")
    stage.ensure_workers(0)
    jobs = [stage.submit("faults.work") for _ in range(5)]
    for job in jobs:
        assert stage.cancel(job) == 200
        assert stage.cancel(job) == 200
        assert stage.read(job)["state"] == "REVOKED"
    stage.ensure_workers(2)
    after = stage.submit("faults.work")
    row.recovered_s.append(stage.conclude(row, [*jobs, after], 5))
    assert stage.count_starts(jobs).total() == 0
    assert stage.states(jobs) == {"REVOKED": len(jobs)}
    assert stage.states([after]) == {"SUCCESS": 1}


def test_a_running_job_is_revoked_in_time(stage: Stage, new_row: NewRow) -> None:
    row = new_row("11b", "cancel of running jobs: one that looks, one that is deaf, a coroutine")
    jobs = [
        stage.submit(task, {"seconds": 60}) for task in ("faults.progress", "faults.deaf", "faults.coroutine")
    ]
    for job in jobs:
        stage.wait_started(job, 5)
    for job in jobs:
        assert stage.cancel(job) == 202
        assert stage.cancel(job) in {200, 202}
    row.recovered_s.append(stage.conclude(row, jobs, 3))
    assert stage.states(jobs) == {"REVOKED": len(jobs)}
    assert row.extra_starts == 0
    assert {stage.cancel(job) for job in jobs} == {200}
    after = [stage.submit("faults.work") for _ in range(4)]
    stage.wait_final(after, 5)
    assert stage.states(after) == {"SUCCESS": 4}
    assert set(stage.count_starts(jobs).values()) == {1}


def test_a_cancel_outlives_its_worker(stage: Stage, new_row: NewRow) -> None:
    row = new_row("11c", "cancel of a running job while its worker is stopped, then killed")
    job = stage.submit("faults.work", {"seconds": 60})
    stage.wait_started(job, 5)
    dying = stage.worker_of(job)
    dying.tell_tree(signal.SIGSTOP)
    assert stage.cancel(job) == 202
    assert stage.cancel(job) in {200, 202}
    stage.kill_worker(dying)
    row.recovered_s.append(stage.conclude(row, [job], TAKEOVER_S))
    assert stage.cancel(job) == 200
    hold(1)
    assert stage.read(job)["state"] == "REVOKED"
    assert stage.count_starts([job]) == {job: 1}
