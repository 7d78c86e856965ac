"""The limits of every request and the headers of every response."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from jobline.service.guards.hardening import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from jobline.service.resources import Resources
from tests.support.service import ADD, Serve

JSON = {"Content-Type": "application/json"}
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}


async def send(client: httpx.AsyncClient, body: str | bytes, path: str = ADD) -> httpx.Response:
    return await client.post(path, content=body, headers=JSON)


async def test_every_answer_has_security_headers_and_an_id(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        await client.get(path) for path in ("/docs", "/v1/jobs", "/nowhere", "/openapi.json", "/health/live")
    ]
    answers += [
        await client.put("/v1/jobs"),
        await send(client, "{"),
        await send(client, '{"input":{"a":1}}'),
    ]
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resources.store, "run", explode)
    answers.append(await client.get("/v1/jobs"))

    assert answers[-1].status_code == 500
    for answer in answers:
        assert answer.headers.items() >= SECURITY.items()
        assert "content-security-policy" in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_harmless_request_id_is_kept(client: httpx.AsyncClient) -> None:
    async def sent(value: bytes) -> str:
        answer = await client.get("/health/live", headers={b"X-Request-ID": value})
        return answer.headers["x-request-id"]

    assert await sent(b"order-7/a.b:c") == "order-7/a.b:c"
    for value in (b"", b"a b", b"x" * 129, b"\xff\xfe", b'"><script>', b"a,b"):
        assert len(await sent(value)) == 16


async def test_defect_is_logged_under_the_requests_id(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resources.store, "run", explode)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)  # a server would log what is raised
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as server:
        with caplog.at_level(logging.ERROR):
            await server.get("/v1/jobs", headers={"X-Request-ID": "order-7"})
            await server.post(
                "/v1/tasks/demo.add/jobs", json={"input": {"a": 1}}, headers={"X-Request-ID": "order-8"}
            )
    assert [record.getMessage() for record in caplog.records] == [
        "GET /v1/jobs failed, request order-7",
        "POST /v1/tasks/demo.add/jobs failed, request order-8",
    ]


async def test_url_and_headers_have_limits(client: httpx.AsyncClient) -> None:
    long = await client.get("/v1/jobs", params={"task": "x" * MAX_TARGET_BYTES})
    large = await client.get("/v1/jobs", headers={"X-Large": "x" * MAX_HEAD_BYTES})
    many = await client.get("/v1/jobs", headers=[(f"X-{index}", "") for index in range(MAX_HEADERS)])
    near = await client.get("/v1/jobs", headers={"X-Large": "x" * (MAX_HEAD_BYTES - 1000)})

    assert (long.status_code, long.json()["code"]) == (414, "target-too-long")
    assert (large.status_code, large.json()["code"]) == (431, "headers-too-large")
    assert (many.status_code, near.status_code) == (431, 200)


class SlowBody:
    """A client whose body arrives in chosen chunks."""

    def __init__(self, app: FastAPI, path: str, **headers: str) -> None:
        self.app = app
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1), "root_path": "",
            "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"localhost"), *((n.encode(), v.encode()) for n, v in headers.items())],
        }  # fmt: skip

    async def send(self, chunks: list[bytes], every_s: float) -> tuple[int, dict[bytes, bytes], float]:
        """Send the chunks, then nothing more; return status, headers and seconds."""
        left, answer, began = list(chunks), [], time.monotonic()

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(every_s if left else 3600)
            return {"type": "http.request", "body": left.pop(0), "more_body": True}

        async def send(message: Any) -> None:
            answer.append(message)

        await self.app(self.scope, receive, send)
        return answer[0]["status"], dict(answer[0]["headers"]), time.monotonic() - began


@pytest.mark.parametrize("path", [ADD, "/v1/files"])
async def test_body_that_stops_coming_is_a_408_that_closes(serve: Serve, path: str) -> None:
    async with serve(body_timeout_s=0.3) as client:
        app = client._transport.app
        slow = SlowBody(app, path, **{"content-type": "application/json"})
        for chunks in ([], [b'{"input"']):
            status, headers, seconds = await slow.send(chunks, 0)
            assert (status, headers[b"connection"]) == (408, b"close")
            assert 0.2 < seconds < 2


async def test_body_that_drips_is_a_408_in_time(serve: Serve) -> None:
    async with serve(body_timeout_s=0.3) as client:
        slow = SlowBody(client._transport.app, ADD, **{"content-type": "application/json"})
        status, _, seconds = await slow.send([b" "] * 1000, 0.02)
    assert status == 408
    assert seconds < 2


async def test_large_body_may_take_its_time_while_it_comes(serve: Serve) -> None:
    async with serve(body_timeout_s=0.3) as client:

        async def pieces() -> Any:
            for _ in range(8):
                await asyncio.sleep(0.1)
                yield b"x" * 1024

        answer = await client.post("/v1/files", content=pieces())
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Host", "test"), ("Host", "other")], 400),
        ([("Host", "test"), ("Transfer-Encoding", "gzip, chunked")], 501),
        ([("Host", "test"), ("Transfer-Encoding", "Chunked ")], 202),
        ([("Host", "test"), ("TE", "gzip, chunked")], 202),
    ],
)
async def test_request_is_framed_in_one_way_only(
    client: httpx.AsyncClient, headers: list[tuple[str, str]], status: int
) -> None:
    """Protects against smuggling, and uploads from being stored in a coding that nobody decodes."""
    answer = await client.post(ADD, content=b'{"input":{"a":1}}', headers=[*headers, *JSON.items()])
    assert answer.status_code == status


async def test_head_answers_wherever_get_does(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Protects monitors and link checkers (RFC 9110, section 9.3.2)."""
    job = (await send(client, '{"input":{"a":1}}')).json()["id"]
    paths = {
        route.path for route in app.routes if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    assert len(paths) > 20
    for path in sorted(paths):
        known = re.sub(r"\{(id|job_id)\}", job, path)
        known = known.replace("{task}", "demo.add").replace("{queue}", "sums").replace("{code}", "gone")
        async with asyncio.timeout(5):
            answer = await client.head(known)
        assert answer.status_code in {200, 202, 204, 307, 404, 503}, (path, answer.status_code)
        assert answer.content == b""
        if "/events" not in path:
            assert answer.status_code == (await client.get(known)).status_code, path
