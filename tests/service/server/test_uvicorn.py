"""What uvicorn does wrong, and we work around: a failure here means that a workaround can go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Connection(asyncio.Transport):
    """A client that only notes what the server does."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: HttpToolsProtocol | None = None
        self.resumed: list[int] = []  # how many requests waited whenever reading was resumed
        self.written = b""
        self.is_closed = False

    def pause_reading(self) -> None:
        """Take the server's word for it."""

    def resume_reading(self) -> None:
        assert self.protocol is not None
        self.resumed.append(len(self.protocol.pipeline))

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"x-trailer", value) for name, value in scope["headers"] if name == b"x-trailer"]
    message: Message = {"more_body": True}
    body = b""
    while message["more_body"]:
        message = await receive()
        body += message.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


@pytest.fixture
async def connection() -> Connection:
    return Connection()


@pytest.fixture
async def stock(connection: Connection) -> HttpToolsProtocol:
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None)
    config.load()
    made = connection.protocol = HttpToolsProtocol(config, ServerState(), {})
    made.connection_made(connection)
    return made


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_uvicorn_still_reads_on_although_requests_wait(
    stock: HttpToolsProtocol, connection: Connection
) -> None:
    """Holds `jobline.service.server.flow`: delete it when this fails."""
    stock.data_received(REQUEST * 3)
    await settle()
    assert max(connection.resumed) > 0


async def test_uvicorn_still_loses_the_body_behind_an_upgrade(
    stock: HttpToolsProtocol, connection: Connection
) -> None:
    """Holds `jobline.service.server.upgrade`: delete it when this fails."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"
    stock.data_received(head + b"abc")
    await settle()
    assert b"\r\n1\r\n0\r\n" in connection.written  # the length that the application saw


async def test_uvicorn_still_takes_trailers_for_headers(
    stock: HttpToolsProtocol, connection: Connection
) -> None:
    """Holds `BoundedProtocol.on_header`: delete it when this fails."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    stock.data_received(head + b"1\r\nx\r\n0\r\nX-Trailer: merged\r\n\r\n")
    await settle()
    assert b"x-trailer: merged" in connection.written


async def test_uvicorn_still_sends_chunks_to_http_1_0(
    stock: HttpToolsProtocol, connection: Connection
) -> None:
    """Holds `jobline.service.server.http10`: delete it when this fails."""
    stock.data_received(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
    await settle()
    assert b"transfer-encoding: chunked" in connection.written
