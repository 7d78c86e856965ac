from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from fastapi import FastAPI, Response

from jobline.cli.embedded import free_port
from jobline.service.guards.hardening import Hardening
from jobline.service.server import protocol
from jobline.service.server.server import build_server
from jobline.service.server.shutdown import Shutdown


@pytest.fixture
def app() -> FastAPI:
    """Return an application with a minimal response."""
    app = FastAPI()
    app.state.shutdown = Shutdown()
    app.add_middleware(Hardening, body_timeout_s=5, is_shared=False)
    app.get("/own")(lambda: Response(headers={"Cache-Control": "no-store"}))
    app.get("/large")(lambda: Response(b"x" * 30_000_000))
    return app


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    """Run the server in this loop."""
    chosen = free_port()
    app.state.shutdown.bind()
    server = build_server(app, "127.0.0.1", chosen, access_log=False)
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield chosen
    server.handle_exit(15, None)
    await running


async def talk(port: int, *parts: bytes) -> bytes:
    """Send the parts, and return what arrives until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_head_without_end_is_431_and_ends_the_connection(port: int) -> None:
    line = b"X-A: " + b"x" * 60_000 + b"\r\n"
    answer = await talk(port, b"GET / HTTP/1.1\r\n", *[line] * 100)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_head_that_does_not_come_ends_the_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "RECEIVE_S", 0.1)
    assert await talk(port) == b""
    assert await talk(port, b"GET / HT") == b""


async def test_client_that_does_not_read_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects memory and descriptors: a response that nobody reads ends with its connection."""
    monkeypatch.setattr(protocol, "STALL_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(1)  # the client does nothing at all in this time
    arrived = 0
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            arrived += len(part)
    writer.close()
    assert arrived < 30_000_000


async def test_connection_serves_requests_one_after_the_other(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "RECEIVE_S", 1)
    first = b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    last = b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await talk(port, first, first, last)).count(b"HTTP/1.1 404") == 3


@pytest.mark.parametrize("path", ["/none", "/own"])
async def test_server_writes_the_headers_that_any_other_would(app: FastAPI, port: int, path: str) -> None:
    named = {"X-Request-Id": "order-7"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        written = await client.get(path, headers=named)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        sent = await client.get(path, headers=named)
    lines = [line for line in written.headers.multi_items() if line[0] != "date"]
    assert sorted(lines) == sorted(sent.headers.multi_items())
    assert written.headers["x-request-id"] == "order-7"
    assert written.content == sent.content


async def test_date_goes_on(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client, asyncio.timeout(10):
        first = (await client.get("/own")).headers["date"]
        while (await client.get("/own")).headers["date"] == first:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(0.05)


async def test_log_line_has_a_bound(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Protects the disk: clients choose the paths that are logged."""
    logging.getLogger("uvicorn.access").info('%s - "%s"', "client", "/" + "x" * 60_000)
    logging.getLogger("jobline.service").error("%s failed", "/" + "x" * 60_000)
    lines = [record.getMessage() for record in caplog.records if "xxx" in record.getMessage()]
    assert lines
    assert max(map(len, lines)) < 600
