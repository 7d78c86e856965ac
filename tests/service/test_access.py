"""Keys, scopes, quotas and reach: who is let in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI

from jobs import commands
from jobs.access import Scope, make_token
from jobs.settings import Auth, Rate
from service import keyring
from service.access import find_scope
from service.embedded import EmbeddedRedis
from tests.service.conftest import Serve, Worker

ADD = "/v1/tasks/demo.add/jobs"
ORDER = {"input": {"a": 1}}
MakeKey = Callable[..., str]


@pytest.fixture
def make_key(worker: Worker) -> MakeKey:
    """Make a key; gives the header that shows it."""

    def make(tenant: str = "acme", *scopes: Scope, life_ms: int | None = None) -> str:
        credential, token = make_token()
        allowed = frozenset(scopes or Scope)
        worker.run(
            commands.keep_access_key(credential, tenant=tenant, scopes=allowed, name="", life_ms=life_ms)
        )
        return f"Bearer {token}"

    return make


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": value}


async def test_without_a_key_only_what_is_open_answers(serve: Serve) -> None:
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
async def test_what_is_no_valid_key_is_a_401(serve: Serve, value: str) -> None:
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


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/v1/jobs", Scope.READ),
        ("HEAD", "/v1/files/x/content", Scope.READ),
        ("POST", ADD, Scope.SUBMIT),
        ("POST", "/v1/files", Scope.SUBMIT),
        ("POST", "/v1/batches", Scope.SUBMIT),
        ("POST", "/v1/jobs/x/cancel", Scope.MANAGE),
        ("POST", "/v1/jobs/x/retry", Scope.MANAGE),
        ("DELETE", "/v1/files/x", Scope.MANAGE),
        ("POST", "/v1/never-thought-of", Scope.MANAGE),
        ("GET", "/v1/queues", Scope.READ),
        ("POST", "/v1/queues/x/pause", Scope.ADMIN),
        ("GET", "/v1/workers", Scope.ADMIN),
        ("GET", "/metrics", Scope.ADMIN),
        ("POST", "/health/live", Scope.MANAGE),
        ("GET", "/docsx", Scope.READ),
    ],
)
def test_each_route_needs_its_scope(method: str, path: str, needed: Scope) -> None:
    assert find_scope(method, path) is needed


async def test_missing_scope_is_a_403_that_names_it(serve: Serve, make_key: MakeKey) -> None:
    async with serve(auth=Auth.KEYS) as client:
        answer = await client.post(ADD, json=ORDER, headers=bearer(make_key("acme", Scope.READ)))
        admin = await client.get("/v1/workers", headers=bearer(make_key("acme", Scope.READ, Scope.MANAGE)))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="jobline", error="insufficient_scope", scope="submit"'
    )
    assert admin.status_code == 403


async def test_revoked_key_is_refused_once_the_memory_of_it_ends(
    serve: Serve, make_key: MakeKey, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "FRESH_S", 0.05)
    monkeypatch.setattr(keyring, "GRACE_S", 0.05)
    value = make_key()
    async with serve(auth=Auth.KEYS) as client:
        assert (await client.get("/v1/jobs", headers=bearer(value))).status_code == 200
        worker.run(commands.drop_access_key(value.split("_")[1]))
        deadline = time.monotonic() + 5
        while (await client.get("/v1/jobs", headers=bearer(value))).status_code == 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


async def test_expired_key_is_refused_though_it_is_remembered(serve: Serve, make_key: MakeKey) -> None:
    async with serve(auth=Auth.KEYS) as client:
        value = make_key("acme", life_ms=1500)
        assert (await client.get("/v1/jobs", headers=bearer(value))).status_code == 200
        await asyncio.sleep(1.6)
        assert (await client.get("/v1/jobs", headers=bearer(value))).status_code == 401


async def test_key_is_looked_up_once_for_many_requests(
    serve: Serve, make_key: MakeKey, worker: Worker
) -> None:
    value = make_key()
    async with serve(auth=Auth.KEYS, rate_limit=Rate(1000, 60)) as client:
        await client.post(ADD, json=ORDER, headers=bearer(value))
        before = calls(worker.redis)
        for _ in range(20):
            assert (await client.post(ADD, json=ORDER, headers=bearer(value))).status_code == 202
        await asyncio.sleep(0.05)
        # A submit each; and what tells Redis of the rate beside them, never ahead of them.
        assert calls(worker.redis) - before <= 40


def calls(client: redis.Redis) -> int:
    stats: dict[str, Any] = client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {}).get("calls", 0))


async def test_no_key_is_let_in_while_the_ledger_is_away(
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


async def test_quota_is_told_on_each_answer_and_held(serve: Serve, make_key: MakeKey) -> None:
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


async def test_quota_is_shared_by_processes_and_opens_again(serve: Serve, make_key: MakeKey) -> None:
    key = bearer(make_key())
    async with (
        serve(auth=Auth.KEYS, rate_limit=Rate(10, 1)) as first,
        serve(auth=Auth.KEYS, rate_limit=Rate(10, 1)) as second,
    ):
        statuses = []
        for client in (first, second) * 10:
            statuses.append((await client.get("/v1/tasks", headers=key)).status_code)
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.1)
        later = await first.get("/v1/tasks", headers=key)

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
        stored = worker.redis.keys("jl:job:*")
        await asyncio.sleep(1.1)
        taken = await client.post(ADD, json=ORDER, headers=headers)
    assert (refused.status_code, stored, taken.status_code) == (429, [], 202)


async def test_quota_off_by_default_adds_no_header(client: httpx.AsyncClient) -> None:
    assert "ratelimit" not in (await client.get("/v1/jobs")).headers


def served_at(app: FastAPI, server: str) -> httpx.AsyncClient:
    """Give a client whose requests arrive at this address of the machine."""

    async def arrive(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": (server, 8000)}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(arrive), base_url="http://localhost:8000")


@pytest.mark.parametrize(("server", "status"), [
    ("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("/run/api.sock", 200),
    ("192.168.1.2", 403), ("172.17.0.2", 403), ("2001:db8::1", 403),
])  # fmt: skip
async def test_keyless_service_answers_this_machine_alone_however_it_was_started(
    app: FastAPI, server: str, status: int
) -> None:
    async with served_at(app, server) as client:
        answer = await client.get("/v1/tasks")
    assert answer.status_code == status


@pytest.mark.parametrize(("host", "status"), [
    ("localhost:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("api", 200), ("x.localhost", 200),
    ("evil.example:8000", 403), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
])  # fmt: skip
async def test_keyless_service_answers_to_no_strangers_name(
    client: httpx.AsyncClient, host: str, status: int
) -> None:
    assert (await client.get("/v1/tasks", headers={"Host": host})).status_code == status


async def test_open_service_answers_to_any_name(serve: Serve) -> None:
    async with serve(allow_open=True) as client:
        assert (await client.get("/v1/tasks", headers={"Host": "jobs.example"})).status_code == 200


async def test_page_of_another_site_changes_nothing(serve: Serve) -> None:
    origin = "https://app.example"
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": origin}
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://test"}
    async with serve() as client:
        refused = await client.post(ADD, json=ORDER, headers=elsewhere)
        taken = await client.post(ADD, json=ORDER, headers=own)
    async with serve(cors_origins=(origin,)) as client:
        named = await client.post(ADD, json=ORDER, headers=elsewhere)
    assert (refused.status_code, taken.status_code, named.status_code) == (403, 202, 202)


async def test_cors_is_off_unless_origins_are_named(serve: Serve) -> None:
    origin = "https://app.example"
    asking = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with serve(auth=Auth.KEYS) as client:
        silent = await client.get("/health/live", headers={"Origin": origin})
        closed = await client.options(ADD, headers=asking)
    async with serve(auth=Auth.KEYS, cors_origins=(origin,)) as client:
        preflight = await client.options(ADD, headers=asking)
        refused = await client.get("/v1/jobs", headers={"Origin": origin})
        other = await client.get("/v1/jobs", headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in silent.headers
    assert closed.status_code == 401
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)
    assert "RateLimit" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in refused.headers
    assert "access-control-allow-origin" not in other.headers
