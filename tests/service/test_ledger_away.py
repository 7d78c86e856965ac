"""Redis that is stopped, killed, emptied or full: responses in time, and recovery afterwards."""

from __future__ import annotations

import time

import httpx

from jobline.cli.embedded import EmbeddedRedis
from tests.support.service import ADD, Worker, submit


async def test_store_learns_the_scripts_again_after_redis_forgot_them(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await submit(client)
    worker.redis.script_flush()
    assert (await submit(client)).status_code == 202


async def test_dropped_connection_is_reopened(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)
    worker.redis.client_kill_filter(_type="normal", skipme=True)
    assert (await submit(client)).status_code == 202


async def test_stopped_redis_is_503_within_two_seconds(
    client: httpx.AsyncClient, redis_server: EmbeddedRedis, frozen_redis: None
) -> None:
    for path in (ADD, ADD):  # an open connection first, then a new one
        begin = time.monotonic()
        answer = await client.post(path, json={"input": {"a": 1}}, headers={"idempotency-key": "k"})
        assert time.monotonic() - begin < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200


async def test_killed_redis_is_503_and_comes_back(
    client: httpx.AsyncClient, redis_server: EmbeddedRedis
) -> None:
    await submit(client)
    redis_server.kill()
    try:
        begin = time.monotonic()
        assert (await submit(client)).status_code == 503
        assert time.monotonic() - begin < 2
    finally:
        redis_server.start()
    assert (await submit(client)).status_code == 202


async def test_full_redis_is_503(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)
    worker.redis.config_set("maxmemory", 1)
    try:
        answer = await submit(client)
    finally:
        worker.redis.config_set("maxmemory", 0)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")
