"""A transport that joins the parts of a response into one write.

uvicorn writes the head and the body of a response separately: two system calls, and a client that wakes
twice. One follows right after the other, so this transport writes them together at the end of the loop's
iteration.
"""

from __future__ import annotations

import asyncio
from typing import Any

END_OF_LINE = b"\r\n"


class CoalescingTransport:
    """A wrapper of a connection's transport; implements `jobline.service.server.connection.Connection`."""

    __slots__ = ("_lines", "_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._lines = b""

    def write(self, data: bytes) -> None:
        """Buffer the data until the end of this iteration of the loop."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        if self._lines:  # this is a head, which ends in an empty line
            self._parts += (data[: -len(END_OF_LINE)], self._lines, END_OF_LINE)
            self._lines = b""
        else:
            self._parts.append(data)

    def add_lines(self, lines: bytes) -> None:
        """Add header lines to the head that is written next."""
        self._lines = lines

    def write_chunk(self, data: bytes) -> None:
        """Write one chunk of a chunked body, unless the client is slow to read."""
        if self._parts or self._transport.is_closing() or self._transport.get_write_buffer_size():
            return
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def close(self) -> None:
        """Write what is buffered, then close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any other attribute of a transport
        return getattr(self._transport, name)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
