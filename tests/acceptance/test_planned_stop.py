"""A worker that is asked to stop, in every pool and by every way to ask."""

from __future__ import annotations

import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.deployment import CUSTOM_POOLS, Deployment
from tests.support.gate import Gate
from tests.support.processes import Program, is_alive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance

#: How much later than promised a busy machine may be.
LATE_S = 2.0
#: How long an idle worker takes to end; it was 8 s.
IDLE_S = 4.0


def ask(app: Any, worker: Program, how: str) -> None:
    """Ask a worker to stop: by a signal, or by `celery control shutdown`."""
    if how == "control":
        app.control.broadcast("shutdown", destination=[f"{worker.name}@test"])
    else:
        worker.send_signal(signal.Signals[how])


def queue_of(pool: str, way: str) -> str:
    return f"stop-{pool}-{way.lower()}"


def has_ended(pid: int) -> bool:
    return not is_alive(pid)


def is_idle(redis: Redis) -> bool:
    return any(client["cmd"] == "brpop" for client in redis.client_list())


@pytest.mark.parametrize("pool", ["prefork", "threads", "light", "solo"])
def test_job_is_released_only_when_its_worker_no_longer_runs_it(
    deployment: Deployment, app: Any, tmp_path: Path, pool: str
) -> None:
    """A stop must not start a job elsewhere while it still runs here, and must not count the attempt."""
    ways = ["SIGTERM", "SIGINT", "SIGHUP", *(["control"] if pool != "solo" else [])]
    task = "test.hold_async" if pool == "light" else "test.hold"
    gates = {way: Gate(tmp_path / way) for way in ways}
    environment = {"JOBLINE_STOP_GRACE_S": "0.5", **CUSTOM_POOLS.get(pool, {})}
    option = "custom" if pool in CUSTOM_POOLS else pool
    workers = {
        way: deployment.start_worker("-Q", queue_of(pool, way), "--pool", option, slots=1, **environment)
        for way in ways
    }
    try:
        jobs = {
            way: deployment.submit(task, gates[way].order, queue=queue_of(pool, way), max_attempts=1)
            for way in ways
        }
        for gate in gates.values():
            gate.wait_for_start()
        with deployment.worker("-Q", ",".join(queue_of(pool, way) for way in ways), slots=4):
            for way in ways:
                ask(app, workers[way], way)
            for way, gate in gates.items():
                gate.wait_for_start(2, within_s=20)
                first = int(gate.starts()[0].split()[1])
                wait_until(partial(has_ended, first), 0.2, f"{way}: process {first} has ended")
                assert workers[way].wait(10) == 0
                gate.open()
            ended = [deployment.wait(job) for job in jobs.values()]
    finally:
        for worker in workers.values():
            worker.kill()
    assert [(job["state"], job["attempt"]) for job in ended] == [("SUCCESS", 1)] * len(ways)


def test_cancels_and_time_limits_hold_while_a_worker_stops(
    deployment: Deployment, app: Any, tmp_path: Path
) -> None:
    """A stop with a long grace must suspend neither guarantee."""
    deaf, late, last = (Gate(tmp_path / name) for name in ("deaf", "late", "last"))
    environment = {"JOBLINE_STOP_GRACE_S": "30", "JOBLINE_CANCEL_GRACE_S": "1"}
    with deployment.worker("-Q", "busy-stop", slots=3, **environment) as worker:
        jobs = [
            deployment.submit("test.stubborn", deaf.order, queue="busy-stop"),
            deployment.submit("test.stubborn", late.order, queue="busy-stop", timeout_s=4),
            deployment.submit("test.hold", last.order, queue="busy-stop"),
        ]
        for gate in (deaf, late, last):
            gate.wait_for_start()
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: "this worker stops" in worker.output(), 10, "the stop began")
        began = time.monotonic()
        assert deployment.cancel(jobs[0]) == 202
        cancelled = deployment.wait(jobs[0], within_s=6)
        took_s = time.monotonic() - began
        timed_out = deployment.wait(jobs[1], within_s=12)
        last.open()
        assert worker.wait(10) == 0
    assert (cancelled["state"], timed_out["state"]) == ("REVOKED", "FAILURE")
    assert timed_out["error"]["code"] == "timeout"
    assert took_s < 1 + 1 + LATE_S
    assert deployment.read(jobs[2])["state"] == "SUCCESS"


def test_second_signal_ends_the_grace(deployment: Deployment, gate: Gate) -> None:
    """An operator who cannot wait is not forced to kill the worker, which would cost the attempt."""
    job = deployment.submit("test.hold", gate.order, queue="stop-twice", max_attempts=1)
    with deployment.worker("-Q", "stop-twice", JOBLINE_STOP_GRACE_S="60") as worker:
        gate.wait_for_start()
        worker.send_signal(signal.SIGINT)
        wait_until(lambda: "this worker stops" in worker.output(), 10, "the stop began")
        worker.send_signal(signal.SIGINT)
        assert worker.wait(10) == 0
    assert (deployment.read(job)["state"], deployment.read(job)["attempt"]) == ("PENDING", 0)
    assert deployment.cancel(job) == 200


def test_idle_worker_ends_soon_while_redis_is_away(tmp_path: Path) -> None:
    """A supervisor must not wait for a worker that only tries to sign off."""
    alone = Deployment(tmp_path)
    try:
        alone.redis.start()
        with alone.worker() as worker, Redis.from_url(alone.redis.url) as redis:
            wait_until(lambda: is_idle(redis), 10, "the worker waits for jobs")
            alone.redis.kill()
            wait_until(lambda: "cannot reach the ledger" in worker.output(), 10, "the worker noticed")
            began = time.monotonic()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(10) == 0
            assert time.monotonic() - began < IDLE_S
    finally:
        alone.close()
