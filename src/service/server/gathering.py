"""A transport that writes an answer's parts together.

uvicorn writes the head of an answer by itself, and its body: two calls of the system, and a client that wakes
twice. The two come right after one another, so they leave together, at the end of the turn of the loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

END_OF_LINE = b"\r\n"


class Gathering:
    """Stand in front of a connection's transport; offers what `jobline.service.server.connection` says."""

    __slots__ = ("_lines", "_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._lines = b""

    def write(self, data: bytes) -> None:
        """Write it, with all else of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        if self._lines:  # this is a head, and ends in an empty line
            self._parts += (data[: -len(END_OF_LINE)], self._lines, END_OF_LINE)
            self._lines = b""
        else:
            self._parts.append(data)

    def add_lines(self, lines: bytes) -> None:
        """Put header lines into the head that is written next."""
        self._lines = lines

    def write_chunk(self, data: bytes) -> None:
        """Write a piece of a chunked body, unless the client is slow to read."""
        if self._parts or self._transport.is_closing() or self._transport.get_write_buffer_size():
            return
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def close(self) -> None:
        """Write what is left, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport can do
        return getattr(self._transport, name)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))
