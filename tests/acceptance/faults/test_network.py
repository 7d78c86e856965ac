"""Row 14: a network to Redis that is slow, goes silent without an end, and resets."""

from __future__ import annotations

import time

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import LEASE_S, hold, pick
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.stage import FarStage


def test_a_slow_network_starts_nothing_twice(far: FarStage, new_row: NewRow) -> None:
    row = new_row("14a", "network to Redis delayed 200 ms")
    before = [one.pid for one in far.workers]
    far.proxy.delay_s = 0.2
    try:
        # A handshake of several round trips may take longer than one answer: then the first answers are 503.
        far.end_of_new_job(15)
        long = far.submit("faults.work", {"seconds": LEASE_S + 3})
        with Load(far, threads=2) as load:
            hold(pick(15, 3))
        jobs = [long, *load.jobs]
        far.conclude(row, jobs, 120)
    finally:
        far.proxy.delay_s = 0.0
    row.recovered_s.append(far.end_of_new_job(5))
    row.note = f"slowest answer {load.slowest_s:.1f} s"
    load.check_answers()
    assert load.statuses["POST 503"] + load.statuses["GET 503"] <= 5
    assert far.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in far.workers if one.is_alive] == before


def test_a_silent_network_is_answered_with_503_in_time(far: FarStage, new_row: NewRow) -> None:
    row = new_row("14b", "network to Redis cut half-open for 15 s under load, old connections stay mute")
    before = [one.pid for one in far.workers]
    cut_s = pick(15, 5)
    # One ends while nothing passes, one after.
    running = [far.submit("faults.work", {"seconds": seconds}) for seconds in (4, cut_s + 5)]
    for job in running:
        far.wait_started(job, 5)
    with Load(far) as load:
        load.wait_flowing()
        far.proxy.mute()
        until = time.monotonic() + cut_s
        while time.monotonic() < until:
            assert far.client.get("/health/live").status_code == 200
            hold(0.05)
        far.proxy.forget()
        row.note = f"slowest answer {load.slowest_s:.1f} s"
        row.recovered_s.append(far.end_of_new_job(10))
    jobs = [*running, *load.jobs]
    far.conclude(row, jobs, 60)
    load.check_answers()
    assert load.statuses["POST 503"] > 0
    assert far.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in far.workers if one.is_alive] == before


def test_a_reset_network_costs_nothing(far: FarStage, new_row: NewRow) -> None:
    row = new_row("14c", "network to Redis reset 5x in 4 s under load")
    before = [one.pid for one in far.workers]
    long = far.submit("faults.work", {"seconds": pick(20, LEASE_S + 3)})
    far.wait_started(long, 5)
    with Load(far) as load:
        load.wait_flowing()
        for _ in range(5):
            far.proxy.reset()
            hold(0.8)
        row.recovered_s.append(far.end_of_new_job(5))
    jobs = [long, *load.jobs]
    far.conclude(row, jobs, 60)
    load.check_answers()
    assert far.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in far.workers if one.is_alive] == before
