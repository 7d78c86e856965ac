"""Rows 1-4 and 9: workers that die, stop and leave, and a job that is longer than every timeout."""

from __future__ import annotations

import os
import signal

from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import LEASE_S, TAKEOVER_S, hold, pick
from tests.support.processes import Program
from tests.support.waiting import wait_until


def test_a_job_longer_than_any_timeout_starts_once(rig: Rig, new_row: NewRow) -> None:
    row = new_row("1", "none: a job longer than lease and visibility")
    seconds = pick(60, 2 * LEASE_S + 1)
    job = rig.submit("faults.work", {"seconds": seconds})
    rig.conclude(row, [job], seconds + 5)
    found = rig.read(job)
    assert (found["state"], found["attempt"]) == ("SUCCESS", 1)
    assert rig.count_starts([job]) == {job: 1}


def test_a_job_of_a_killed_worker_starts_once_more(rig: Rig, new_row: NewRow) -> None:
    row = new_row("2a", "kill -9 of the whole worker mid-job")
    for _ in range(pick(5, 1)):
        job = rig.submit("faults.work", {"seconds": 3})
        rig.wait_started(job, 5)
        rig.kill_worker(rig.worker_of(job))
        row.recovered_s.append(rig.wait_started(job, TAKEOVER_S, count=2))
        rig.add_worker(wait=False)
        rig.conclude(row, [job], 8)
        found = rig.read(job)
        assert (found["state"], found["attempt"], found["result"]) == ("SUCCESS", 2, {"attempt": 2})
        assert len(rig.evidence.starts(job)) == 2
        assert len(rig.evidence.ends(job)) == 1
        rig.wait_for_workers()


def test_a_planned_stop_releases_its_jobs_uncounted(rig: Rig, new_row: NewRow) -> None:
    row = new_row("2b", "SIGTERM, 8 s grace, then SIGKILL")
    job = rig.submit("faults.work", {"seconds": pick(20, 4)})
    rig.wait_started(job, 5)
    leaving = rig.worker_of(job)
    leaving.send_signal(signal.SIGTERM)
    assert leaving.ends_within(8), "the worker left within its grace time"
    assert "Traceback" not in leaving.output()
    rig.kill_worker(leaving)
    row.recovered_s.append(rig.wait_started(job, 2, count=2))
    rig.conclude(row, [job], 25)
    found = rig.read(job)
    assert (found["state"], found["attempt"], found["result"]) == ("SUCCESS", 1, {"attempt": 1})
    assert len(rig.evidence.starts(job)) == 2


def test_a_killed_child_costs_its_own_job_one_start(rig: Rig, new_row: NewRow) -> None:
    row = new_row("3", "kill -9 of a child, 5x during 50 jobs")
    before = [one.pid for one in rig.workers]
    jobs = [rig.submit("faults.work", {"seconds": 0.3}, max_attempts=10) for _ in range(50)]
    kills = 0
    for _ in range(5):
        running = wait_for_running(rig, jobs)
        victim = rig.evidence.starts(running)[-1]
        os.kill(victim.pid, signal.SIGKILL)
        kills += 1
        if not rig.evidence.ends(running):
            count = len(rig.evidence.starts(running))
            row.recovered_s.append(rig.wait_started(running, 6, count=count + 1))
    rig.conclude(row, jobs, 30)
    assert rig.states(jobs) == {"SUCCESS": 50}
    assert row.extra_starts <= kills
    assert [one.pid for one in rig.workers if one.is_alive] == before


def wait_for_running(rig: Rig, jobs: list[str]) -> str:
    """Return a job that has just started."""
    found: list[str] = []

    def look() -> bool:
        ended = rig.evidence.notes("end")
        pids = {pid for worker in rig.workers for pid in worker.children()}
        for job, notes in rig.evidence.notes("start").items():
            if job in jobs and len(notes) > len(ended.get(job, ())) and notes[-1].pid in pids:
                found.append(job)
                return True
        return False

    wait_until(look, 5, "a job runs")
    return found[0]


def test_a_job_sent_to_a_stopped_worker_is_not_lost(rig: Rig, new_row: NewRow) -> None:
    row = new_row("4", "idle worker stopped, POST, kill -9 it, start another")
    for _ in range(pick(4, 1)):
        (frozen,) = rig.ensure_workers(1)
        frozen.signal_tree(signal.SIGSTOP)
        job = rig.submit("faults.work")
        rig.kill_worker(frozen)
        rig.add_worker(wait=False)
        row.recovered_s.append(rig.conclude(row, [job], 12))
        assert rig.read(job)["state"] == "SUCCESS"
        assert len(rig.evidence.starts(job)) == 1
    rig.wait_for_workers()


def test_a_worker_that_wakes_after_its_lease_changes_nothing(rig: Rig, new_row: NewRow) -> None:
    row = new_row("9", "worker tree stopped for lease + 6 s, then continued")
    (frozen,) = rig.ensure_workers(1)
    # When the worker wakes, the next attempt of one has ended, and that of the other runs.
    jobs = [rig.submit("faults.work", {"seconds": seconds}) for seconds in (1, 9)]
    for job in jobs:
        rig.wait_started(job, 5)
    frozen.signal_tree(signal.SIGSTOP)
    rig.add_worker(wait=False)
    row.recovered_s += [rig.wait_started(job, TAKEOVER_S, count=2) for job in jobs]
    hold(max(0.0, LEASE_S + 6 - sum(row.recovered_s)))
    assert [rig.read(job)["state"] for job in jobs] == ["SUCCESS", "STARTED"]
    frozen.signal_tree(signal.SIGCONT)
    wait_until(lambda: is_over(rig, jobs, frozen), 10, "the first attempts are over")
    rig.conclude(row, jobs, 15)
    for found in map(rig.read, jobs):
        assert (found["state"], found["attempt"], found["result"]) == ("SUCCESS", 2, {"attempt": 2})
    assert set(rig.count_starts(jobs).values()) == {2}
    rig.wait_final([rig.submit("faults.work")], 5)
    assert frozen.is_alive


def is_over(rig: Rig, jobs: list[str], worker: Program) -> bool:
    """Return whether each first attempt has ended by itself or died with its process."""
    living = worker.children()
    firsts = [(rig.evidence.starts(job)[0].pid, rig.evidence.ends(job)) for job in jobs]
    return all(pid not in living or any(end.pid == pid for end in ends) for pid, ends in firsts)
