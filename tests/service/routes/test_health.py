from __future__ import annotations

import time

import httpx

from jobline.ledger.keys import Key
from tests.support.service import Worker


async def test_ready_needs_a_worker(client: httpx.AsyncClient, worker: Worker) -> None:
    without = await client.get("/health/ready")
    worker.beat()
    ready = await client.get("/health/ready")
    seen = (await client.get("/v1/workers")).json()["items"]
    worker.redis.hset(Key.WORKER.of("w1"), "heartbeat", int((time.time() - 11) * 1000))
    stale = await client.get("/health/ready")

    assert (without.status_code, ready.status_code, stale.status_code) == (503, 200, 503)
    assert "worker" in without.json()["detail"]
    assert [item["name"] for item in seen] == ["w1"]


async def test_ready_says_within_a_second_that_redis_stopped(
    client: httpx.AsyncClient, frozen_redis: None
) -> None:
    begin = time.monotonic()
    answer = await client.get("/health/ready")

    assert time.monotonic() - begin < 1.5
    assert answer.status_code == 503
    assert "Redis" in answer.json()["detail"]
    assert (await client.get("/health/live")).status_code == 200
