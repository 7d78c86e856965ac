"""JSON responses of the submits, sent through ASGI without Starlette's `Response`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Receive, Scope, Send

JSON = "application/json"
JSON_HEADER = (b"content-type", JSON.encode())


class JsonAnswer:
    """One complete response, as an ASGI application."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._status = status
        self._body = body
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the signature of ASGI
        await send_json(send, self._status, self._body, *self._headers)


async def send_json(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send one complete response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, JSON_HEADER, *headers]})
    await send({"type": "http.response.body", "body": body})
