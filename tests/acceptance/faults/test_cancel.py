"""Row 11: cancels that meet no worker, a running job, a dying worker and a deaf job."""

from __future__ import annotations

import signal

from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import TAKEOVER_S, hold


def test_a_job_cancelled_without_workers_never_starts(rig: Rig, new_row: NewRow) -> None:
    row = new_row("11a", "cancel of waiting jobs with no worker up, then start")
    rig.ensure_workers(0)
    jobs = [rig.submit("faults.work") for _ in range(5)]
    for job in jobs:
        assert rig.cancel(job) == 200
        assert rig.cancel(job) == 200
        assert rig.read(job)["state"] == "REVOKED"
    rig.ensure_workers(2)
    after = rig.submit("faults.work")
    row.recovered_s.append(rig.conclude(row, [*jobs, after], 5))
    assert rig.count_starts(jobs).total() == 0
    assert rig.states(jobs) == {"REVOKED": len(jobs)}
    assert rig.states([after]) == {"SUCCESS": 1}


def test_a_running_job_is_revoked_in_time(rig: Rig, new_row: NewRow) -> None:
    row = new_row("11b", "cancel of running jobs: one that looks, one that is deaf, a coroutine")
    jobs = [
        rig.submit(task, {"seconds": 60}) for task in ("faults.progress", "faults.deaf", "faults.coroutine")
    ]
    for job in jobs:
        rig.wait_started(job, 5)
    for job in jobs:
        assert rig.cancel(job) == 202
        assert rig.cancel(job) in {200, 202}
    row.recovered_s.append(rig.conclude(row, jobs, 3))
    assert rig.states(jobs) == {"REVOKED": len(jobs)}
    assert row.extra_starts == 0
    assert {rig.cancel(job) for job in jobs} == {200}
    after = [rig.submit("faults.work") for _ in range(4)]
    rig.wait_final(after, 5)
    assert rig.states(after) == {"SUCCESS": 4}
    assert set(rig.count_starts(jobs).values()) == {1}


def test_a_cancel_outlives_its_worker(rig: Rig, new_row: NewRow) -> None:
    row = new_row("11c", "cancel of a running job while its worker is stopped, then killed")
    job = rig.submit("faults.work", {"seconds": 60})
    rig.wait_started(job, 5)
    dying = rig.worker_of(job)
    dying.signal_tree(signal.SIGSTOP)
    assert rig.cancel(job) == 202
    assert rig.cancel(job) in {200, 202}
    rig.kill_worker(dying)
    row.recovered_s.append(rig.conclude(row, [job], TAKEOVER_S))
    assert rig.cancel(job) == 200
    hold(1)
    assert rig.read(job)["state"] == "REVOKED"
    assert rig.count_starts([job]) == {job: 1}
