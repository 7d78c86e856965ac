"""The limits of every request and the headers of every response. A plain ASGI wrapper: it is on the hot path.

It wraps everything but the deferred answers and answers unexpected errors too, so that a 500 has the same
headers as any other response. The routes that read bodies limit their size (`JOBLINE_MAX_BODY_BYTES`), and
pydantic's parser limits the depth of JSON (200): so nothing is parsed twice.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Coroutine, Generator, Iterable, Iterator
from types import coroutine
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobline.service.answers.problems import IS_LOGGED, REQUEST_ID, answer_error
from jobline.service.answers.refusals import HeadersTooLarge, Malformed, TargetTooLong, TooSlow, UnknownCoding
from jobline.service.server.connection import CONNECTION, Connection
from jobline.service.server.request_ids import make_request_id

MAX_TARGET_BYTES = 8192
MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
#: A body slower than this runs out of its time.
MIN_BYTES_S = 1024
#: Request IDs that are accepted from clients. Others are replaced, so that callers cannot forge log lines.
ACCEPTED_ID = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"private, no-cache"),
)
HEADER_NAMES = frozenset(name for name, _ in HEADERS)


class Hardening:
    """Limits requests, gives them an ID, and adds the headers that the route has not set."""

    def __init__(self, app: ASGIApp, *, body_timeout_s: float, is_shared: bool) -> None:
        self.app = app
        self._body_timeout_s = body_timeout_s
        #: With CORS, pages of other origins may read responses.
        self._headers = tuple(
            header for header in HEADERS if not (is_shared and header[0] == b"cross-origin-resource-policy")
        )
        self._lines = b"".join(b"%b: %b\r\n" % header for header in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size, request_id = measure(scope)
        scope[REQUEST_ID] = request_id.decode()
        connection: Connection | None = scope.get(CONNECTION)
        root_path: str = scope.get("root_path", "")
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = message["headers"]
                if root_path:
                    headers[:] = prefix_links(headers, root_path)
                present = {name for name, _ in headers}
                if connection is not None and present.isdisjoint(HEADER_NAMES):
                    connection.add_lines(b"%bx-request-id: %b\r\n" % (self._lines, request_id))
                else:
                    headers.extend(header for header in self._headers if header[0] not in present)
                    headers.append((b"x-request-id", request_id))
            await send(message)

        try:
            check_head(scope, size)
            check_framing(scope["headers"], scope.get("http_version", "1.1"))
            await self.app(scope, time_body(receive, self._body_timeout_s), send_with_headers)
        except ClientDisconnect:
            return
        except Exception as error:
            if IS_LOGGED in scope:
                return
            if has_begun:
                raise
            response = await answer_error(Request(scope), error)
            await response(scope, receive, send_with_headers)


def measure(scope: Scope) -> tuple[int, bytes]:
    """Return the size of all headers and the ID of the request: its own if it is acceptable, or a new one."""
    size, request_id = 0, b""
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"x-request-id":
            request_id = value
    if not request_id or not ACCEPTED_ID.fullmatch(request_id):
        request_id = make_request_id()
    return size, request_id


def check_head(scope: Scope, size: int) -> None:
    """Raise TargetTooLong or HeadersTooLarge for a request above the limits."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
        raise TargetTooLong(f"Path and query together may have at most {MAX_TARGET_BYTES:,} bytes.")
    if size > MAX_HEAD_BYTES or len(scope["headers"]) > MAX_HEADERS:
        raise HeadersTooLarge(
            f"At most {MAX_HEADERS} headers with {MAX_HEAD_BYTES:,} bytes together are allowed."
        )


def prefix_links(headers: Iterable[tuple[bytes, bytes]], root_path: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the headers, with the path of a proxy in front of the paths that a client is to follow."""
    prefix = root_path.rstrip("/").encode()
    for name, value in headers:
        if name == b"location" and value.startswith(b"/"):
            yield name, prefix + value
        elif name == b"link":
            yield name, value.replace(b"</", b"<" + prefix + b"/")
        else:
            yield name, value


def check_framing(headers: Collection[tuple[bytes, bytes]], http_version: str) -> None:
    """Raise Malformed unless there is one Host (RFC 9112, section 3.2), UnknownCoding for a coded body."""
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or (not hosts and http_version == "1.1"):
        raise Malformed("A request has exactly one Host header.")
    if b"transfer-encoding" in names and any(
        name == b"transfer-encoding" and value.strip(b" \t").lower() != b"chunked" for name, value in headers
    ):
        raise UnknownCoding("The only transfer coding that is read is chunked. Send the body without others.")


def time_body(receive: Receive, timeout_s: float) -> Receive:
    """Return a ``receive`` that limits the time spent waiting for the body; it raises TooSlow in the route.

    The budget is ``timeout_s``. Each `MIN_BYTES_S` bytes that arrive add a second to what is left, up to the
    full budget. The application's own time does not count.
    """
    left_s, is_complete = timeout_s, False

    async def receive_in_time() -> Message:
        nonlocal left_s, is_complete
        if is_complete:
            return await receive()  # only the disconnect can follow, at any time
        receiving: Coroutine[Any, Any, Message] = receive()  # type: ignore[assignment] # servers return coroutines
        began = time.monotonic()
        try:
            first = receiving.send(None)
        except StopIteration as result:  # most bodies arrive together with the head: no timer needed
            message: Message = result.value
        else:
            try:
                async with asyncio.timeout(left_s):
                    message = await resume(receiving, first)
            except TimeoutError:
                raise TooSlow(f"The body did not arrive within {timeout_s:g} s, or it stalled.") from None
        if message.get("more_body", False):
            left_s -= time.monotonic() - began
            left_s = min(timeout_s, left_s + len(message.get("body", b"")) / MIN_BYTES_S)
        else:
            is_complete = True
        return message

    return receive_in_time


@coroutine
def resume(receiving: Coroutine[Any, Any, Message], first: object) -> Generator[Any, Any, Message]:
    """Await a coroutine that was started by hand and waits for ``first``. Any: asyncio's own types."""
    awaited = first
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:  # noqa: BLE001 - the coroutine handles its cancellation
                awaited = receiving.throw(error)
            else:
                awaited = receiving.send(sent)
    except StopIteration as end:
        message: Message = end.value
        return message
