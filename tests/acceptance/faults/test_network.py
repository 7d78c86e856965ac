"""Row 14: a network to Redis that is slow, goes silent without an end, and resets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.ledger import find_faults
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.proxy import Proxy
from tests.acceptance.faults.stage import LEASE_S, Stage, hold, pick, wait_until
from tests.acceptance.faults.test_redis import end_of_new_job


class Far:
    """Hold a stage whose API and workers reach Redis through a proxy alone."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.stage.redis.start()
        self.proxy = Proxy(self.stage.redis.port)

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        self.stage.settings["JOBLINE_REDIS_URL"] = self.proxy.url
        self.stage.start_api()
        self.stage.ensure_workers(2)
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.close()
        self.proxy.__exit__(None, None, None)


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with Far() as found:
        yield found


def test_a_slow_network_starts_nothing_twice(far: Far, new_row: NewRow) -> None:
    row = new_row("14a", "network to Redis delayed 200 ms")
    stage = far.stage
    before = [one.pid for one in stage.workers]
    far.proxy.delay_s = 0.2
    try:
        # A handshake of several round trips may take longer than one answer: then the first answers are 503.
        end_of_new_job(stage, 15)
        long = stage.post("faults.work", {"seconds": LEASE_S + 3})
        with Load(stage, threads=2) as load:
            hold(pick(15, 3))
        jobs = [long, *load.jobs]
        stage.conclude(row, jobs, 120)
    finally:
        far.proxy.delay_s = 0.0
    row.recovered_s.append(end_of_new_job(stage, 5))
    row.note = f"slowest answer {load.slowest_s:.1f} s"
    assert load.slowest_s <= 5
    assert set(load.statuses) <= {"POST 202", "POST 503", "GET 200", "GET 503"}
    assert load.statuses["POST 503"] + load.statuses["GET 503"] <= 5
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in stage.workers if one.is_alive] == before


def test_a_silent_network_is_answered_with_503_in_time(far: Far, new_row: NewRow) -> None:
    row = new_row("14b", "network to Redis cut half-open for 15 s under load, old connections stay mute")
    stage = far.stage
    before = [one.pid for one in stage.workers]
    # One ends while nothing passes, one after.
    running = [stage.post("faults.work", {"seconds": seconds}) for seconds in (4, pick(20, LEASE_S + 6))]
    for job in running:
        stage.wait_started(job, 5)
    with Load(stage) as load:
        wait_until(lambda: load.statuses["POST 202"] > 50, 10, "the load flows")
        load.slowest_s = 0.0
        far.proxy.mute()
        until = time.monotonic() + pick(15, 5)
        while time.monotonic() < until:
            assert stage.client.get("/health/live").status_code == 200
            hold(0.05)
        far.proxy.forget()
        slowest_s = load.slowest_s
        row.recovered_s.append(end_of_new_job(stage, 35))
    jobs = [*running, *load.jobs]
    stage.conclude(row, jobs, 60)
    row.note = f"slowest answer {slowest_s:.1f} s"
    assert slowest_s <= 5
    assert load.statuses["POST 503"] > 0
    assert set(load.statuses) <= {"POST 202", "POST 503", "GET 200", "GET 503"}
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in stage.workers if one.is_alive] == before
    with stage.raw() as ledger:
        assert find_faults(ledger) == []


def test_a_reset_network_costs_nothing(far: Far, new_row: NewRow) -> None:
    row = new_row("14c", "network to Redis reset 5x in 4 s under load")
    stage = far.stage
    before = [one.pid for one in stage.workers]
    long = stage.post("faults.work", {"seconds": pick(20, LEASE_S + 3)})
    stage.wait_started(long, 5)
    with Load(stage) as load:
        wait_until(lambda: load.statuses["POST 202"] > 50, 10, "the load flows")
        for _ in range(5):
            far.proxy.reset()
            hold(0.8)
        row.recovered_s.append(end_of_new_job(stage, 5))
    jobs = [long, *load.jobs]
    stage.conclude(row, jobs, 60)
    assert set(load.statuses) <= {"POST 202", "POST 503", "GET 200", "GET 503"}
    assert stage.states(jobs) == {"SUCCESS": len(jobs)}
    assert row.extra_starts == 0
    assert [one.pid for one in stage.workers if one.is_alive] == before
    with stage.raw() as ledger:
        assert find_faults(ledger) == []
