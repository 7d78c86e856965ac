"""uvicorn's HTTP protocol with a bound to what it lacks one: the head of a request, in bytes and in time.

The application sees a request when its head is whole; until then the server gathers it, however long it is
and takes. `jobline.service.guards.hardening` holds whole heads to tighter limits, and answers; here the
connection ends. Answers leave in one write, see `gathering`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jobline.service.server.connection import CONNECTION
from jobline.service.server.gathering import Gathering

MAX_HEAD_BYTES = 262_144
HEAD_TIMEOUT_S = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """Close a connection whose head is too long or too late."""

    # Slots: one attribute more than thirty, and Python would give each connection a dictionary of its own, of
    # more than a kilobyte.
    __slots__ = ("_connection", "_deadline", "_head_bytes", "_is_in_head")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent
        self._is_in_head, self._head_bytes = True, 0
        self._deadline: asyncio.TimerHandle | None = None
        self._connection = Gathering(transport, self.loop)
        super().connection_made(self._connection)  # type: ignore[arg-type] # it is one in all but name
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)  # all of it was head: few heads come in two pieces, or have a clock
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        elif self._deadline is None:
            self._start_clock()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self._connection  # type: ignore[literal-required] # an extension of ours
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._deadline is not None:
            self._stop_clock()
        super().on_headers_complete()

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
