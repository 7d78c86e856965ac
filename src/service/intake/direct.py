"""Routes that answer right behind the guards, from a request's bytes: the submits.

FastAPI passes a request through eight layers of its own before a route sees it, and its answer through as
many. They solve dependencies, close what these opened, answer errors: a route that needs none of that is
found here by its path, ahead of them. It stands in the router all the same, for the document and for other
methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from jobline.domain.errors import TooLarge

JSON_HEADER = (b"content-type", b"application/json")


class DirectRoute(APIRoute, ABC):
    """Answer one path's POST; its endpoint stands for the documentation alone."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:  # Any: as APIRoute's
        super().__init__(path, endpoint, methods=["POST"], **more)
        self.app = self.answer

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in each kind of route; what it raises, `answers.problems` answers."""


class Shortcut:
    """Hand a POST to the direct route of its path, and everything else to the application."""

    def __init__(self, app: ASGIApp, routes: Iterable[object]) -> None:
        self.app = app
        self._routes = {route.path: route for route in routes if isinstance(route, DirectRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            route = self._routes.get(scope["path"])
            if route is not None:
                await route.answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def read_headers(scope: Scope, wanted: frozenset[bytes]) -> Mapping[bytes, str]:
    """Pick the wanted headers; of one that comes twice, the last."""
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in wanted}


async def read_body(receive: Receive, limit: int, declared: str | None) -> bytes:
    """Read a body that is not above the limit, whatever its Content-Length says; raises TooLarge."""
    if declared is not None and declared.isdigit() and int(declared[:20]) > limit:
        raise too_large(limit)
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        if len(body) + len(chunk) > limit:
            raise too_large(limit)
        body = body + chunk if body else chunk
        if not message.get("more_body", False):
            return body


def too_large(limit: int) -> TooLarge:
    """Say how much would have been taken."""
    return TooLarge(
        f"The body has more than {limit:,} bytes, the limit here. Upload files by POST /v1/files."
    )


class JsonAnswer:
    """Hold one whole answer, to be sent as `send_json` does."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._status = status
        self._body = body
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        await send_json(send, self._status, self._body, *self._headers)


async def send_json(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send one whole answer."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, JSON_HEADER, *headers]})
    await send({"type": "http.response.body", "body": body})
