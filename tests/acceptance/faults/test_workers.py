"""Rows 1-4 and 9: workers that die, stop and leave, and the job that outlives every timeout."""

from __future__ import annotations

import os
import signal

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.stage import LEASE_S, TAKEOVER_S, Program, Stage, hold, pick, wait_until


def worker_of(stage: Stage, job: str) -> Program:
    """Find the worker that started a job last."""
    pid = stage.evidence.starts(job)[-1].pid
    return next(one for one in stage.workers if pid in one.children())


def test_a_job_longer_than_any_timeout_starts_once(stage: Stage, new_row: NewRow) -> None:
    row = new_row("1", "none: a job longer than lease and visibility")
    seconds = pick(60, 2 * LEASE_S + 1)
    job = stage.post("faults.work", {"seconds": seconds})
    row.jobs, row.lost = 1, 1
    stage.wait_final([job], seconds + 5)
    row.lost = 0
    row.extra_starts = stage.extra_starts([job])
    assert stage.read(job)["state"] == "SUCCESS"
    assert len(stage.evidence.starts(job)) == 1


def test_a_job_of_a_killed_worker_starts_once_more(stage: Stage, new_row: NewRow) -> None:
    row = new_row("2a", "kill -9 of the whole worker mid-job")
    for _ in range(pick(5, 1)):
        job = stage.post("faults.work", {"seconds": 3})
        row.jobs += 1
        stage.wait_started(job, 5)
        stage.kill_worker(worker_of(stage, job))
        row.recovered_s.append(stage.wait_started(job, TAKEOVER_S, count=2))
        stage.start_worker(wait=False)
        stage.wait_final([job], 8)
        found = stage.read(job)
        assert (found["state"], found["attempt"], found["result"]) == ("SUCCESS", 2, {"attempt": 2})
        assert len(stage.evidence.starts(job)) == 2
        assert len(stage.evidence.ends(job)) == 1
        stage.wait_for_workers()
    row.extra_starts = row.jobs


def test_a_planned_stop_hands_its_jobs_back_uncounted(stage: Stage, new_row: NewRow) -> None:
    row = new_row("2b", "SIGTERM, 8 s grace, then SIGKILL")
    job = stage.post("faults.work", {"seconds": pick(20, 8)})
    row.jobs = 1
    stage.wait_started(job, 5)
    leaving = worker_of(stage, job)
    leaving.tell(signal.SIGTERM)
    assert leaving.ends_within(8), "the worker left within its grace time"
    stage.kill_worker(leaving)
    row.recovered_s.append(stage.wait_started(job, 2, count=2))
    stage.wait_final([job], 25)
    found = stage.read(job)
    assert (found["state"], found["attempt"]) == ("SUCCESS", 1)
    row.extra_starts = stage.extra_starts([job])
    assert len(stage.evidence.starts(job)) == 2


def test_a_killed_child_costs_its_own_job_one_start(stage: Stage, new_row: NewRow) -> None:
    row = new_row("3", "kill -9 of a child, 5x during 50 jobs")
    before = [one.pid for one in stage.workers]
    jobs = [stage.post("faults.work", {"seconds": 0.3}, max_attempts=10) for _ in range(50)]
    row.jobs = len(jobs)
    kills = 0
    for _ in range(5):
        running = wait_for_running(stage, jobs)
        victim = stage.evidence.starts(running)[-1]
        os.kill(victim.pid, signal.SIGKILL)
        kills += 1
        if not stage.evidence.ends(running):
            count = len(stage.evidence.starts(running))
            row.recovered_s.append(stage.wait_started(running, 6, count=count + 1))
    stage.wait_final(jobs, 30)
    row.extra_starts = stage.extra_starts(jobs)
    assert stage.states(jobs) == {"SUCCESS": 50}
    assert row.extra_starts <= kills
    assert [one.pid for one in stage.workers] == before
    assert all(one.is_alive for one in stage.workers)


def wait_for_running(stage: Stage, jobs: list[str]) -> str:
    """Find a job that just began."""
    found: list[str] = []

    def look() -> bool:
        ended = stage.evidence.notes("end")
        pids = {pid for worker in stage.workers for pid in worker.children()}
        for job, notes in stage.evidence.notes("start").items():
            if job in jobs and len(notes) > len(ended.get(job, ())) and notes[-1].pid in pids:
                found.append(job)
                return True
        return False

    wait_until(look, 5, "a job runs")
    return found[0]


def test_a_job_sent_to_a_stopped_worker_is_not_lost(stage: Stage, new_row: NewRow) -> None:
    row = new_row("4", "idle worker stopped, POST, kill -9 it, start another")
    for _ in range(pick(4, 1)):
        (frozen,) = stage.ensure_workers(1)
        frozen.tell_tree(signal.SIGSTOP)
        job = stage.post("faults.work")
        stage.kill_worker(frozen)
        stage.start_worker(wait=False)
        row.jobs += 1
        row.recovered_s.append(stage.wait_final([job], 12))
        assert stage.read(job)["state"] == "SUCCESS"
        assert len(stage.evidence.starts(job)) == 1
    stage.wait_for_workers()


def test_a_worker_that_wakes_after_its_lease_changes_nothing(stage: Stage, new_row: NewRow) -> None:
    row = new_row("9", "worker tree stopped for lease + 6 s, then continued")
    job = stage.post("faults.work", {"seconds": 3})
    row.jobs = 1
    stage.wait_started(job, 5)
    frozen = worker_of(stage, job)
    frozen.tell_tree(signal.SIGSTOP)
    row.recovered_s.append(stage.wait_started(job, TAKEOVER_S, count=2))
    hold(max(0.0, LEASE_S + 6 - row.recovered_s[0]))
    frozen.tell_tree(signal.SIGCONT)
    stage.wait_final([job], 10)
    wait_until(
        lambda: len(stage.evidence.ends(job)) == 2 or not runs(stage, frozen, job),
        10,
        "the first attempt is over",
    )
    found = stage.read(job)
    assert (found["state"], found["attempt"], found["result"]) == ("SUCCESS", 2, {"attempt": 2})
    row.extra_starts = stage.extra_starts([job])
    assert row.extra_starts == 1
    late = stage.post("faults.work")
    stage.wait_final([late], 5)
    assert frozen.is_alive


def runs(stage: Stage, worker: Program, job: str) -> bool:
    """Claim that the child which began a job first still lives."""
    return stage.evidence.starts(job)[0].pid in worker.children()
