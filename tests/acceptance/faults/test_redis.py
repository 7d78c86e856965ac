"""Rows 5-7 and 13: a Redis that dies, stalls, drops its clients and is full."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import LEASE_S, hold, pick
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.stage import Stage
from tests.acceptance.processes import wait_until

#: The issue's limit for new jobs after an outage.
NEW_JOBS_S = 35.0


@pytest.mark.parametrize("outage_s", pick([5, 15, 30], [5]))
def test_no_job_starts_twice_over_an_outage(stage: Stage, new_row: NewRow, outage_s: float) -> None:
    row = new_row(f"5 ({outage_s} s)", f"kill -9 Redis for {outage_s} s (AOF), jobs run and finish")
    before = [one.pid for one in stage.workers]
    # Two end while Redis is away, two after it is back.
    lasting = (2, 3, outage_s + 3, outage_s + 4)
    jobs = [stage.submit("faults.work", {"seconds": seconds}) for seconds in lasting]
    for job in jobs:
        stage.wait_started(job, 5)
    stage.redis.kill()
    hold(outage_s)
    stage.redis.start()
    row.recovered_s.append(stage.end_of_new_job(NEW_JOBS_S))
    stage.conclude(row, jobs, 15)
    assert set(stage.count_starts(jobs).values()) == {1}
    assert [(job["state"], job["attempt"]) for job in map(stage.read, jobs)] == [("SUCCESS", 1)] * 4
    assert [one.pid for one in stage.workers if one.is_alive] == before


def test_a_stalled_redis_is_answered_with_503_in_time(stage: Stage, new_row: NewRow) -> None:
    row = new_row("6", "SIGSTOP Redis 15 s under POST and GET load")
    running = [stage.submit("faults.work", {"seconds": pick(20, 8)}) for _ in range(2)]
    for job in running:
        stage.wait_started(job, 5)
    live: list[float] = []
    with Load(stage) as load:
        load.wait_flowing()
        with stage.frozen_redis():
            until = time.monotonic() + pick(15, 5)
            while time.monotonic() < until:
                start = time.monotonic()
                assert stage.client.get("/health/live").status_code == 200
                live.append(time.monotonic() - start)
                hold(0.05)
        row.note = f"slowest answer {load.slowest_s:.1f} s, live {statistics.median(live) * 1000:.0f} ms"
        row.recovered_s.append(stage.end_of_new_job(NEW_JOBS_S))
    jobs = [*running, *load.jobs]
    stage.conclude(row, jobs, 60)
    load.check_answers()
    assert load.statuses["POST 503"] > 0
    assert load.statuses["GET 503"] > 0
    assert row.extra_starts == 0
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}


def test_dropped_connections_cost_nothing(stage: Stage, new_row: NewRow) -> None:
    row = new_row("7", "all client connections dropped 5x in 4 s under a 20 s job")
    jobs = [stage.submit("faults.work", {"seconds": pick(20, LEASE_S + 3)})]
    stage.wait_started(jobs[0], 5)
    for _ in range(5):
        stage.drop_connections()
        if job := stage.try_submit():
            jobs.append(job)
        hold(0.8)
    row.recovered_s.append(stage.end_of_new_job(5))
    stage.conclude(row, jobs, pick(25, 15))
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}
    assert {stage.read(job)["attempt"] for job in jobs} == {1}
    assert set(stage.count_starts(jobs).values()) == {1}


def test_a_full_redis_refuses_whole_jobs(stage: Stage, new_row: NewRow) -> None:
    row = new_row("13", "Redis at maxmemory (noeviction) under POST load, then freed")
    workers = [one.pid for one in stage.workers]
    before = stage.known_jobs()
    running = [stage.submit("faults.work", {"seconds": pick(6, 4)}) for _ in range(2)]
    for job in running:
        stage.wait_started(job, 5)
    with stage.raw() as ledger, Load(stage) as load:
        load.wait_flowing()
        ledger.config_set("maxmemory", "1mb")
        try:
            refused = load.statuses["POST 503"]
            wait_until(lambda: load.statuses["POST 503"] > refused + 40, 20, "submits are refused")
            # A worker that comes back now is refused what Celery writes as it connects.
            stage.drop_connections()
            stage.wait_final(running, 15)
        finally:
            ledger.config_set("maxmemory", "0")
        start = time.monotonic()
        stage.end_of_new_job(30)
    jobs = [*running, *load.jobs]
    stage.conclude(row, jobs, 30)
    row.recovered_s.append(time.monotonic() - start)
    row.note = f"{load.statuses['POST 503']} refused with 503"
    load.check_answers()
    # The one more is that of ``end_of_new_job``.
    assert len(stage.known_jobs() - before - set(jobs)) == 1, "a refused order left a record"
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in stage.workers if one.is_alive] == workers
