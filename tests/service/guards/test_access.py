"""Access keys: who is admitted."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import redis

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.access import Scope
from jobline.domain.rate import Rate
from jobline.domain.settings import Auth
from jobline.ledger import commands
from jobline.service.guards import key_cache
from tests.support.service import ADD, ORDER, MakeKey, Serve, Worker, bearer
from tests.support.waiting import ask_until


async def test_without_a_key_only_open_paths_respond(serve: Serve) -> None:
    async with serve(auth=Auth.KEYS) as client:
        opened = [
            await client.get(path)
            for path in ("/health/live", "/docs", "/redoc", "/openapi.json", "/problems/unauthorized")
        ]
        closed = [
            await client.get("/v1/jobs"),
            await client.post(ADD, json=ORDER),
            await client.get("/nowhere"),
            await client.options("/v1/jobs"),
        ]

    assert {answer.status_code for answer in opened} == {200}
    for answer in closed:
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == 'Bearer realm="jobline"'


async def test_key_opens_its_tenant(serve: Serve, make_key: MakeKey, worker: Worker) -> None:
    async with serve(auth=Auth.KEYS) as client:
        answer = await client.post(ADD, json=ORDER, headers=bearer(make_key("acme")))
        again = await client.get(answer.headers["location"], headers=bearer(make_key("acme")))
        other = await client.get(answer.headers["location"], headers=bearer(make_key("umbrella")))

    assert (answer.status_code, again.status_code, other.status_code) == (202, 200, 404)
    assert worker.claim().id == answer.json()["id"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        "Bearer jl_",
        f"Bearer jl_{'0' * 16}_{'0' * 64}",
        f"Bearer jl_{'0' * 16}_{'0' * 64} x",
        "Bearer " + "x" * 5000,
        "Bearer \xff\xfe",
        "Bearer a, Bearer b",
    ],
)
async def test_invalid_key_is_a_401(serve: Serve, value: str) -> None:
    async with serve(auth=Auth.KEYS) as client:
        answer = await client.get("/v1/jobs", headers={b"Authorization": value.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


async def test_scheme_is_read_in_any_case_and_two_headers_are_none(serve: Serve, make_key: MakeKey) -> None:
    value = make_key()
    async with serve(auth=Auth.KEYS) as client:
        low = await client.get("/v1/jobs", headers=bearer(value.replace("Bearer", "bearer")))
        two = await client.get("/v1/jobs", headers=[("Authorization", value), ("Authorization", value)])
    assert (low.status_code, two.status_code) == (200, 401)


async def test_right_id_with_a_wrong_secret_is_refused(serve: Serve, make_key: MakeKey) -> None:
    value = make_key()
    wrong = value[:-1] + ("0" if value[-1] != "0" else "1")
    async with serve(auth=Auth.KEYS) as client:
        before = await client.get("/v1/jobs", headers=bearer(wrong))
        right = await client.get("/v1/jobs", headers=bearer(value))
        after = await client.get("/v1/jobs", headers=bearer(wrong))
    assert (before.status_code, right.status_code, after.status_code) == (401, 200, 401)


async def test_missing_scope_is_a_403_that_names_it(serve: Serve, make_key: MakeKey) -> None:
    async with serve(auth=Auth.KEYS) as client:
        answer = await client.post(ADD, json=ORDER, headers=bearer(make_key("acme", Scope.READ)))
        admin = await client.get("/v1/workers", headers=bearer(make_key("acme", Scope.READ, Scope.MANAGE)))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="jobline", error="insufficient_scope", scope="submit"'
    )
    assert admin.status_code == 403


async def test_revoked_key_is_refused_once_the_cache_expires(
    serve: Serve, make_key: MakeKey, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "FRESH_S", 0.05)
    monkeypatch.setattr(key_cache, "GRACE_S", 0.05)
    value = make_key()
    async with serve(auth=Auth.KEYS) as client:
        assert (await client.get("/v1/jobs", headers=bearer(value))).status_code == 200
        worker.run(commands.access.delete_access_key(value.split("_")[1]))
        await ask_until(
            lambda: client.get("/v1/jobs", headers=bearer(value)), lambda answer: answer.status_code != 200, 5
        )


async def test_expired_key_is_refused_though_it_is_cached(serve: Serve, make_key: MakeKey) -> None:
    async with serve(auth=Auth.KEYS) as client:
        value = make_key("acme", life_ms=1500)
        assert (await client.get("/v1/jobs", headers=bearer(value))).status_code == 200
        await ask_until(
            lambda: client.get("/v1/jobs", headers=bearer(value)), lambda answer: answer.status_code == 401, 5
        )


async def test_key_is_looked_up_once_for_many_requests(
    serve: Serve, make_key: MakeKey, worker: Worker
) -> None:
    value = make_key()
    async with serve(auth=Auth.KEYS, rate_limit=Rate(1000, 60)) as client:
        await client.post(ADD, json=ORDER, headers=bearer(value))
        before = calls(worker.redis)
        for _ in range(20):
            assert (await client.post(ADD, json=ORDER, headers=bearer(value))).status_code == 202
        await asyncio.sleep(0.05)  # a span in which a late call would show
        # One submit each, and the reports of the rate limit beside them, never ahead of them.
        assert calls(worker.redis) - before <= 40


def calls(client: redis.Redis) -> int:
    stats: dict[str, Any] = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


async def test_no_key_is_admitted_while_the_ledger_is_away(
    serve: Serve, make_key: MakeKey, redis_server: EmbeddedRedis
) -> None:
    value = make_key()
    async with serve(auth=Auth.KEYS) as client:
        redis_server.stop()
        try:
            answer = await client.get("/v1/tasks", headers=bearer(value))
        finally:
            redis_server.start()
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")
    assert "retry-after" in answer.headers


async def test_key_is_in_no_answer_and_no_log(
    serve: Serve, make_key: MakeKey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, secret = make_key("acme", Scope.READ), "0" * 63 + "7"
    wrong = f"Bearer jl_{'0' * 16}_{secret}"
    texts = []
    with caplog.at_level(logging.DEBUG):
        async with serve(auth=Auth.KEYS) as client:
            for value in (right, wrong, wrong + " "):
                for method, path in (("GET", "/v1/jobs"), ("POST", ADD), ("GET", "/nowhere"), ("PUT", ADD)):
                    answer = await client.request(method, path, headers=bearer(value), json=ORDER)
                    texts += [answer.text, str(answer.headers)]
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("jobline"))
    for value in (right, wrong):
        assert value.rpartition("_")[2] not in "\n".join(texts) + logged
