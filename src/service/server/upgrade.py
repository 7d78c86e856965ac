"""Requests that offer an upgrade (h2c, WebSocket) and are answered without one (RFC 9110, section 7.8).

llhttp ends such a request after its head, so the body of a POST would be lost: JDK's HttpClient offers h2c
with its first request. The parser gets the same head once more, without the offer.
"""

from __future__ import annotations

from collections.abc import Iterable

#: Options of ``Connection`` that only serve the upgrade.
OFFERS = frozenset({b"upgrade", b"http2-settings"})


def write_plain_head(method: bytes, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return the head without its offer; None for CONNECT, which has no meaning without another protocol."""
    if method == b"CONNECT":
        return None
    lines = [b"%b %b HTTP/1.1" % (method, url)]
    for name, value in headers:
        if name == b"connection":
            options = [option for option in value.split(b",") if option.strip(b" \t").lower() not in OFFERS]
            if options:
                lines.append(b"connection: " + b",".join(options).strip(b" \t"))
        elif name != b"upgrade":
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join((*lines, b"", b""))
