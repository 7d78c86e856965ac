"""Responses of unknown length to HTTP/1.0 clients, such as nginx by default: they end with the connection.

uvicorn 0.54 sends them chunked, which HTTP/1.0 does not know (RFC 9112, section 6.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def without_chunks(app: Any, cycle: RequestResponseCycle) -> Any:  # noqa: ANN401 - uvicorn's types, not ASGI's
    """Return an application whose responses without a Content-Length are sent as they are."""

    async def plain(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as above
        is_open = False  # of unknown length

        async def send_plain(message: Any) -> None:  # noqa: ANN401 - as above
            nonlocal is_open
            if message["type"] == "http.response.start":
                is_open = all(name != b"content-length" for name, _ in message["headers"])
                cycle.chunked_encoding = False if is_open else None
            elif is_open:  # uvicorn compares the two
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_plain)

    return plain
