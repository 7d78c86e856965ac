"""Rows 5-7 and 13: a Redis that dies, stalls, drops its clients and is full."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.support.faults.load import Load
from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import LEASE_S, hold, pick
from tests.support.waiting import wait_until

#: Limit for new jobs after an outage.
NEW_JOBS_S = 35.0


@pytest.mark.parametrize("outage_s", pick([5, 15, 30], [5]))
def test_no_job_starts_twice_over_an_outage(rig: Rig, new_row: NewRow, outage_s: float) -> None:
    row = new_row(f"5 ({outage_s} s)", f"kill -9 Redis for {outage_s} s (AOF), jobs run and finish")
    before = [one.pid for one in rig.workers]
    # Two end while Redis is away, two after it is back.
    lasting = (2, 3, outage_s + 3, outage_s + 4)
    jobs = [rig.submit("faults.work", {"seconds": seconds}) for seconds in lasting]
    for job in jobs:
        rig.wait_started(job, 5)
    rig.redis.kill()
    hold(outage_s)
    rig.redis.start()
    row.recovered_s.append(rig.end_of_new_job(NEW_JOBS_S))
    rig.conclude(row, jobs, 15)
    assert set(rig.count_starts(jobs).values()) == {1}
    assert [(job["state"], job["attempt"]) for job in map(rig.read, jobs)] == [("SUCCESS", 1)] * 4
    assert [one.pid for one in rig.workers if one.is_alive] == before


def test_a_stalled_redis_is_answered_with_503_in_time(rig: Rig, new_row: NewRow) -> None:
    row = new_row("6", "SIGSTOP Redis 15 s under POST and GET load")
    running = [rig.submit("faults.work", {"seconds": pick(20, 8)}) for _ in range(2)]
    for job in running:
        rig.wait_started(job, 5)
    live: list[float] = []
    with Load(rig) as load:
        load.wait_flowing()
        with rig.frozen_redis():
            until = time.monotonic() + pick(15, 5)
            while time.monotonic() < until:
                start = time.monotonic()
                assert rig.client.get("/health/live").status_code == 200
                live.append(time.monotonic() - start)
                hold(0.05)
        row.note = f"slowest answer {load.slowest_s:.1f} s, live {statistics.median(live) * 1000:.0f} ms"
        row.recovered_s.append(rig.end_of_new_job(NEW_JOBS_S))
    jobs = [*running, *load.jobs]
    rig.conclude(row, jobs, 60)
    load.check_answers()
    assert load.statuses["POST 503"] > 0
    assert load.statuses["GET 503"] > 0
    assert row.extra_starts == 0
    assert rig.states(jobs) == {"SUCCESS": len(jobs)}


def test_dropped_connections_cost_nothing(rig: Rig, new_row: NewRow) -> None:
    row = new_row("7", "all client connections dropped 5x in 4 s under a 20 s job")
    jobs = [rig.submit("faults.work", {"seconds": pick(20, LEASE_S + 3)})]
    rig.wait_started(jobs[0], 5)
    for _ in range(5):
        rig.drop_connections()
        if job := rig.try_submit():
            jobs.append(job)
        hold(0.8)
    row.recovered_s.append(rig.end_of_new_job(5))
    rig.conclude(row, jobs, pick(25, 15))
    assert rig.states(jobs) == {"SUCCESS": len(jobs)}
    assert {rig.read(job)["attempt"] for job in jobs} == {1}
    assert set(rig.count_starts(jobs).values()) == {1}


def test_a_full_redis_refuses_whole_jobs(rig: Rig, new_row: NewRow) -> None:
    row = new_row("13", "Redis at maxmemory (noeviction) under POST load, then freed")
    workers = [one.pid for one in rig.workers]
    before = rig.known_jobs()
    running = [rig.submit("faults.work", {"seconds": pick(6, 4)}) for _ in range(2)]
    for job in running:
        rig.wait_started(job, 5)
    with rig.raw() as ledger, Load(rig) as load:
        load.wait_flowing()
        ledger.config_set("maxmemory", "1mb")
        try:
            refused = load.statuses["POST 503"]
            wait_until(lambda: load.statuses["POST 503"] > refused + 40, 20, "submits are refused")
            # Redis refuses what Celery writes when a worker reconnects now.
            rig.drop_connections()
            rig.wait_final(running, 15)
        finally:
            ledger.config_set("maxmemory", "0")
        start = time.monotonic()
        rig.end_of_new_job(30)
    jobs = [*running, *load.jobs]
    rig.conclude(row, jobs, 30)
    row.recovered_s.append(time.monotonic() - start)
    row.note = f"{load.statuses['POST 503']} refused with 503"
    load.check_answers()
    # The one more is that of ``end_of_new_job``.
    assert len(rig.known_jobs() - before - set(jobs)) == 1, "a refused order left a record"
    assert rig.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in rig.workers if one.is_alive] == workers
