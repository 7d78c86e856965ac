"""Which addresses and pages a service without keys responds to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from jobline.domain.settings import Auth
from tests.support.service import ADD, ORDER, MakeKey, Serve


def served_at(app: FastAPI, server: str) -> httpx.AsyncClient:
    """Return a client whose requests arrive at this address of the machine."""

    async def arrive(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": (server, 8000)}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(arrive), base_url="http://localhost:8000")


@pytest.mark.parametrize(("server", "status"), [
    ("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("/run/api.sock", 200),
    ("192.168.1.2", 403), ("172.17.0.2", 403), ("2001:db8::1", 403),
])  # fmt: skip
async def test_keyless_service_serves_this_machine_alone_under_any_server(
    app: FastAPI, server: str, status: int
) -> None:
    async with served_at(app, server) as client:
        answer = await client.get("/v1/tasks")
    assert answer.status_code == status


@pytest.mark.parametrize(("host", "status"), [
    ("localhost:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("api", 200), ("x.localhost", 200),
    ("evil.example:8000", 403), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
])  # fmt: skip
async def test_keyless_service_refuses_domain_names(
    client: httpx.AsyncClient, host: str, status: int
) -> None:
    assert (await client.get("/v1/tasks", headers={"Host": host})).status_code == status


async def test_open_service_accepts_any_name(serve: Serve) -> None:
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


@pytest.mark.parametrize(("origin", "status"), [
    ("https://evil.example", 403), ("null", 403), ("http://test.evil.example", 403), ("http://test:81", 403),
    ("file://", 403), ("http://evil.example/http://test", 403),
    ("http://test", 202), ("https://test", 202), ("http://test:80", 202),
])  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"allow_open": True}, {"auth": Auth.KEYS}])
async def test_change_for_a_page_of_another_origin_is_403(
    serve: Serve, make_key: MakeKey, options: dict[str, Any], origin: str, status: int
) -> None:
    """Protects users: a page that they visit must not submit, cancel or delete, with or without keys."""
    headers = {"Origin": origin, "Authorization": make_key()}
    async with serve(**options) as client:
        answer = await client.post(ADD, json=ORDER, headers=headers)
        read = await client.get("/v1/jobs", headers=headers)
    assert (answer.status_code, read.status_code) == (status, 200)
    assert status == 202 or answer.json()["code"] == "foreign-origin"


@pytest.mark.parametrize(("host", "status"), [
    ("jobs.example", 200), ("JOBS.example:8443", 200), ("localhost:1", 200), ("10.0.0.1", 200), ("api", 200),
    ("evil.example", 403), ("jobs.example.evil.example", 403), ("10.0.0.1.evil.example", 403),
])  # fmt: skip
@pytest.mark.parametrize("options", [{"allow_open": True}, {"auth": Auth.KEYS}, {}])
async def test_list_of_hosts_refuses_other_names(
    serve: Serve, make_key: MakeKey, options: dict[str, Any], host: str, status: int
) -> None:
    """Protects an open service from pages that reach it under a name of their own (DNS rebinding)."""
    async with serve(hosts=("jobs.example",), **options) as client:
        answer = await client.get("/v1/tasks", headers={"Host": host, "Authorization": make_key()})
    assert answer.status_code == status
