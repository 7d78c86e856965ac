"""The headers and the body of a request, read from ASGI without Starlette's `Request`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from jobline.domain.errors import TooLarge


def read_headers(scope: Scope, wanted: frozenset[bytes]) -> Mapping[bytes, str]:
    """Return the wanted headers; the last value of a header that occurs twice."""
    return {name: value.decode("latin-1") for name, value in scope["headers"] if name in wanted}


async def read_body(receive: Receive, limit: int, declared: str | None) -> bytes:
    """Return the body; raises TooLarge above the limit, whatever ``declared`` (Content-Length) says."""
    if declared is not None and declared.isdecimal() and int(declared[:20]) > limit:
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
    """Return the error for a body above the limit."""
    return TooLarge(
        f"The body is larger than the limit of {limit:,} bytes. Upload files with POST /v1/files."
    )
