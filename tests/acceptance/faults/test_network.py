"""Row 14: a network to Redis that is slow, goes silent without an end, and resets."""

from __future__ import annotations

import time

from tests.support.faults.load import Load
from tests.support.faults.report import NewRow
from tests.support.faults.rig import ProxiedRig
from tests.support.faults.scale import LEASE_S, hold, pick


def test_a_slow_network_starts_nothing_twice(proxied: ProxiedRig, new_row: NewRow) -> None:
    row = new_row("14a", "network to Redis delayed 200 ms")
    before = [one.pid for one in proxied.workers]
    proxied.proxy.delay_s = 0.2
    try:
        # A handshake of several round trips may take longer than one answer: then the first answers are 503.
        proxied.end_of_new_job(15)
        long = proxied.submit("faults.work", {"seconds": LEASE_S + 3})
        with Load(proxied, threads=2) as load:
            hold(pick(15, 3))
        jobs = [long, *load.jobs]
        proxied.conclude(row, jobs, 120)
    finally:
        proxied.proxy.delay_s = 0.0
    row.recovered_s.append(proxied.end_of_new_job(5))
    row.note = f"slowest answer {load.slowest_s:.1f} s"
    load.check_answers()
    assert load.statuses["POST 503"] + load.statuses["GET 503"] <= 5
    assert proxied.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in proxied.workers if one.is_alive] == before


def test_a_silent_network_is_answered_with_503_in_time(proxied: ProxiedRig, new_row: NewRow) -> None:
    row = new_row("14b", "network to Redis cut half-open for 15 s under load, old connections stay mute")
    before = [one.pid for one in proxied.workers]
    cut_s = pick(15, 5)
    # One ends while nothing passes, one after.
    running = [proxied.submit("faults.work", {"seconds": seconds}) for seconds in (4, cut_s + 5)]
    for job in running:
        proxied.wait_started(job, 5)
    with Load(proxied) as load:
        load.wait_flowing()
        proxied.proxy.mute()
        until = time.monotonic() + cut_s
        while time.monotonic() < until:
            assert proxied.client.get("/health/live").status_code == 200
            hold(0.05)
        proxied.proxy.forget()
        row.note = f"slowest answer {load.slowest_s:.1f} s"
        row.recovered_s.append(proxied.end_of_new_job(10))
    jobs = [*running, *load.jobs]
    proxied.conclude(row, jobs, 60)
    load.check_answers()
    assert load.statuses["POST 503"] > 0
    assert proxied.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in proxied.workers if one.is_alive] == before


def test_a_reset_network_costs_nothing(proxied: ProxiedRig, new_row: NewRow) -> None:
    row = new_row("14c", "network to Redis reset 5x in 4 s under load")
    before = [one.pid for one in proxied.workers]
    long = proxied.submit("faults.work", {"seconds": pick(20, LEASE_S + 3)})
    proxied.wait_started(long, 5)
    with Load(proxied) as load:
        load.wait_flowing()
        for _ in range(5):
            proxied.proxy.reset()
            hold(0.8)
        row.recovered_s.append(proxied.end_of_new_job(5))
    jobs = [long, *load.jobs]
    proxied.conclude(row, jobs, 60)
    load.check_answers()
    assert proxied.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in proxied.workers if one.is_alive] == before
