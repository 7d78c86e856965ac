"""The rate limit of a key, and its response headers."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from jobline.domain.rate import Rate
from jobline.domain.settings import Auth
from jobline.ledger.keys import Key
from jobline.service.guards import rate_limit
from tests.support.service import ADD, ORDER, MakeKey, Serve, Worker, bearer
from tests.support.waiting import ask_until


def is_let_in(answer: httpx.Response) -> bool:
    return answer.status_code != 429


async def test_rate_limit_is_shown_on_each_response_and_enforced(serve: Serve, make_key: MakeKey) -> None:
    one, other = bearer(make_key()), bearer(make_key())
    async with serve(auth=Auth.KEYS, rate_limit=Rate(3, 60)) as client:
        answers = [await client.get("/v1/jobs", headers=one) for _ in range(5)]
        missing = await client.get("/v1/jobs/x", headers=other)
        health = await client.get("/health/live")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"default";q=3;w=60'] * 5
    left = [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers]
    assert left == ['"default";r=2', '"default";r=1', '"default";r=0', '"default";r=0', '"default";r=0']
    assert answers[-1].json()["code"] == "rate-limited"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert missing.headers["ratelimit"].startswith('"default";r=2;t=')
    assert "ratelimit" not in health.headers


async def test_rate_limit_is_shared_by_processes_and_starts_afresh(serve: Serve, make_key: MakeKey) -> None:
    key = bearer(make_key())
    async with (
        serve(auth=Auth.KEYS, rate_limit=Rate(10, 1)) as first,
        serve(auth=Auth.KEYS, rate_limit=Rate(10, 1)) as second,
    ):
        statuses = []
        for client in (first, second) * 10:
            statuses.append((await client.get("/v1/tasks", headers=key)).status_code)
            await asyncio.sleep(0.02)
        later = await ask_until(lambda: first.get("/v1/tasks", headers=key), is_let_in, 5)

    assert 10 <= statuses.count(200) <= 12
    assert statuses[-4:] == [429] * 4
    assert later.status_code == 200


async def test_refused_request_stores_nothing_and_takes_no_idempotency_key(
    serve: Serve, worker: Worker
) -> None:
    async with serve(rate_limit=Rate(1, 1)) as client:
        headers = {"Idempotency-Key": "k"}
        await client.get("/v1/tasks")
        refused = await client.post(ADD, json=ORDER, headers=headers)
        stored = worker.redis.keys(Key.JOB.of("*"))
        taken = await ask_until(lambda: client.post(ADD, json=ORDER, headers=headers), is_let_in, 5)
    assert (refused.status_code, stored, taken.status_code) == (429, [], 202)


async def test_no_rate_limit_by_default_adds_no_header(client: httpx.AsyncClient) -> None:
    assert "ratelimit" not in (await client.get("/v1/jobs")).headers


async def test_wrong_keys_count_for_their_address(serve: Serve, make_key: MakeKey) -> None:
    """Protects keys from guessing, and does not lock out a right key of the same address."""
    async with serve(auth=Auth.KEYS, rate_limit=Rate(5, 60)) as client:
        wrong = [await client.get("/v1/jobs", headers=bearer(f"Bearer jl_wrong_{i}")) for i in range(8)]
        missing = await client.get("/v1/jobs")
        right = await client.get("/v1/jobs", headers=bearer(make_key()))
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429] * 3
    assert (missing.status_code, right.status_code) == (429, 200)
    assert wrong[-1].headers["retry-after"]
    assert "r=0" in wrong[-1].headers["ratelimit"]


async def test_callers_are_forgotten_before_they_fill_the_memory(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects memory from callers with many addresses; the counts stay in Redis."""
    monkeypatch.setattr(rate_limit, "MAX_CALLERS", 3)
    limiter = rate_limit.RateLimiter(app.state.resources.store, Rate(100, 60))
    for number in range(10):
        await limiter.admit(f"address-{number}")
    assert len(limiter._windows) <= 3
