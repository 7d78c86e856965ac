"""What every request is held to and every answer carries; a plain ASGI wrapper, for it is on the hot path.

Outermost of all: it answers defects too, so that a 500 has these headers like any other answer. Bounds of
bodies stand with the routes that read them (`JOBLINE_MAX_BODY_BYTES`), the depth of JSON in pydantic's parser
(200), so that nothing is parsed twice.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobline.service.answers.problems import IS_LOGGED, REQUEST_ID, answer_error
from jobline.service.answers.refusals import HeadersTooLarge, TargetTooLong, TooSlow
from jobline.service.server.connection import CONNECTION, Connection

MAX_TARGET_BYTES = 8192
MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
#: A body that comes slower than this uses its time up.
FLOOR_BYTES_S = 1024
#: Taken as it came; anything else is replaced, so that no caller writes into a log what it likes.
GOOD_ID = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)
#: Ids of our own: the process, by chance, and a count: they name requests, and are no secret.
PROCESS = secrets.token_hex(4).encode()
COUNT = itertools.count()
ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"private, no-cache"),
)
NAMES = frozenset(name for name, _ in ALWAYS)


class Hardening:
    """Bound what comes in, name it by a request id, and add the headers that the route has not set itself."""

    def __init__(self, app: ASGIApp, *, body_timeout_s: float, is_shared: bool) -> None:
        self.app = app
        self._body_timeout_s = body_timeout_s
        #: Pages of other origins may read answers; CORS says which.
        self._always = tuple(
            header for header in ALWAYS if not (is_shared and header[0] == b"cross-origin-resource-policy")
        )
        self._lines = b"".join(b"%b: %b\r\n" % header for header in self._always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size, request_id = measure(scope)
        scope[REQUEST_ID] = request_id.decode()
        connection: Connection | None = scope.get(CONNECTION)
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = message["headers"]
                present = {name for name, _ in headers}
                if connection is not None and present.isdisjoint(NAMES):
                    connection.add_lines(b"%bx-request-id: %b\r\n" % (self._lines, request_id))
                else:
                    headers.extend(header for header in self._always if header[0] not in present)
                    headers.append((b"x-request-id", request_id))
            await send(message)

        try:
            check_head(scope, size)
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
    """Add up the headers, and find the request's id in them; without a good one it gets one."""
    size, request_id = 0, b""
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"x-request-id":
            request_id = value
    if not request_id or not GOOD_ID.fullmatch(request_id):
        request_id = b"%b%08x" % (PROCESS, next(COUNT))
    return size, request_id


def check_head(scope: Scope, size: int) -> None:
    """Hold path, query and headers to their limits."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
        raise TargetTooLong(f"Path and query may have {MAX_TARGET_BYTES:,} bytes together.")
    if size > MAX_HEAD_BYTES or len(scope["headers"]) > MAX_HEADERS:
        raise HeadersTooLarge(f"There may be {MAX_HEADERS} headers, of {MAX_HEAD_BYTES:,} bytes together.")


def time_body(receive: Receive, timeout_s: float) -> Receive:
    """Give a body its time: ``timeout_s`` of waiting, and more for what has come, never more than at first.

    What the application itself takes does not count. Raises TooSlow in the route that reads.
    """
    left_s, is_complete = timeout_s, False

    async def receive_in_time() -> Message:
        nonlocal left_s, is_complete
        if is_complete:
            return await receive()  # that is the client's going, which may take its time
        waiting: Coroutine[Any, Any, Message] = receive()  # type: ignore[assignment] # what servers give
        began = time.monotonic()
        try:
            first = waiting.send(None)
        except StopIteration as there:  # most bodies came with their head: they need no timer
            message: Message = there.value
        else:
            try:
                async with asyncio.timeout(left_s):
                    message = await resume(waiting, first)
            except TimeoutError:
                raise TooSlow(f"The body did not come within {timeout_s:g} s, or stopped.") from None
        if message.get("more_body", False):
            left_s -= time.monotonic() - began
            left_s = min(timeout_s, left_s + len(message.get("body", b"")) / FLOOR_BYTES_S)
        else:
            is_complete = True
        return message

    return receive_in_time


@coroutine
def resume(waiting: Coroutine[Any, Any, Message], first: object) -> Generator[Any, Any, Message]:
    """Await a coroutine that was begun by hand; ``first`` is what it waits for. Any: asyncio's own affair."""
    awaited = first
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's to handle
                awaited = waiting.throw(error)
            else:
                awaited = waiting.send(sent)
    except StopIteration as end:
        message: Message = end.value
        return message
