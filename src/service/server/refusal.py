"""The refusals that the server itself sends, before or without the application.

They are problems (RFC 9457) with a request ID, like all others, written as complete responses. The packages
that write the application's problems are above this one, so these few are written by hand.
"""

from __future__ import annotations

import json
from enum import Enum
from http import HTTPStatus

from jobline.service.server.request_ids import make_request_id

TYPE = "application/problem+json"


class Refusal(Enum):
    """One kind of refusal: status, code, title and detail."""

    #: Sent when the bytes are no HTTP request.
    MALFORMED = (
        400, "malformed-request", "Not an HTTP request",
        "The bytes are not a valid request (RFC 9112). The connection is closed.",
    )  # fmt: skip
    #: Sent when a head or a trailer section is larger than the server keeps.
    TOO_LARGE = (
        431, "headers-too-large", "The headers are too large",
        "The headers or the trailers are larger than the limit. The connection is closed.",
    )  # fmt: skip
    #: Sent when the process has as many connections as its file descriptors allow.
    TOO_MANY = (
        503, "too-many-connections", "Too many connections",
        "The server has no file descriptor left for this connection. Retry in a moment.",
    )  # fmt: skip

    @property
    def code(self) -> str:
        """The stable code, whose page is ``/problems/{code}``."""
        return self.value[1]


def write_refusal(refusal: Refusal, headers: list[tuple[bytes, bytes]], root_path: str = "") -> bytes:
    """Return a complete response that closes the connection; ``headers`` are those of every response."""
    status, code, title, detail = refusal.value
    content = {
        "type": f"{root_path}/problems/{code}", "title": title, "status": status, "detail": detail,
        "instance": "", "code": code,
    }  # fmt: skip
    body = json.dumps(content).encode()
    lines = [
        *headers,
        (b"content-type", TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", make_request_id()),
        (b"connection", b"close"),
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append((b"retry-after", b"1"))
    head = b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())
    return b"".join((head, *(b"%b: %b\r\n" % line for line in lines), b"\r\n", body))
