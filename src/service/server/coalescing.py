"""A transport that joins the parts of a response into one write.

uvicorn writes the head and the body of a response separately: two system calls, and a client that wakes
twice. One follows right after the other, so this transport writes them together at the end of the loop's
iteration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

END_OF_LINE = b"\r\n"
#: Time for a closed connection to send what is buffered; a client that does not read would keep it open.
FLUSH_S = 15.0


class CoalescingTransport:
    """A wrapper of a connection's transport; implements `jobline.service.server.connection.Connection`."""

    __slots__ = (
        "_lines",
        "_linger",
        "_loop",
        "_parts",
        "_transport",
        "ends_at_eof",
        "is_chunked",
        "is_lingering",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        linger: Callable[[], bool] = lambda: False,
    ) -> None:
        self._transport = transport
        self._loop = loop
        #: Returns whether the client may still be sending, so that the connection must not close yet.
        self._linger = linger
        self._parts: list[bytes] = []
        self._lines = b""
        self.is_lingering = False
        self.ends_at_eof = False
        self.is_chunked = True

    def write(self, data: bytes) -> None:
        """Buffer the data until the end of this iteration of the loop."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        if self._lines:  # this is a head, which ends in an empty line
            self._parts += (data[: -len(END_OF_LINE)], self._lines, END_OF_LINE)
            self._lines = b""
        else:
            self._parts.append(data)

    def add_lines(self, lines: bytes) -> None:
        """Add header lines to the head that is written next."""
        self._lines = lines

    def write_chunk(self, data: bytes) -> None:
        """Write one part of a streamed body, unless the client is slow to read."""
        if self._parts or self._transport.is_closing() or self._transport.get_write_buffer_size():
            return
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)

    def end_at_eof(self) -> None:
        """End this response when the client closes its side."""
        self.ends_at_eof = True

    def is_closing(self) -> bool:
        """Return whether nothing more may be written."""
        return self.is_lingering or self._transport.is_closing()

    def close(self) -> None:
        """Write what is buffered, then close, or linger: closing with bytes unread would reset the client."""
        self.flush()
        if not self.is_lingering and not self._transport.is_closing() and self._linger():
            self.is_lingering = True
            self._transport.write_eof()
            return
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(FLUSH_S, self._transport.abort)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any other attribute of a transport
        return getattr(self._transport, name)

    def flush(self) -> None:
        """Write what is buffered."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
