"""uvicorn's HTTP protocol, with limits that it lacks: on the size and on the time of a request's head.

The application sees a request once its head is complete; until then the server buffers it, whatever its size
and however long it takes. Beyond these limits the connection is closed. `jobline.service.guards.hardening`
applies tighter limits to complete heads, with an error response. Responses leave in one write, see
`coalescing`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jobline.service.server.coalescing import CoalescingTransport
from jobline.service.server.connection import CONNECTION

MAX_HEAD_BYTES = 262_144
HEAD_TIMEOUT_S = 15.0


class BoundedProtocol(HttpToolsProtocol):
    """A protocol that closes connections whose head is too large or takes too long."""

    # Slots: with more than thirty attributes, each connection would get a dictionary of its own, of more than
    # a kilobyte.
    __slots__ = ("_connection", "_head_bytes", "_is_in_head", "_timer")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent
        self._is_in_head, self._head_bytes = True, 0
        self._timer: asyncio.TimerHandle | None = None
        self._connection = CoalescingTransport(transport, self.loop)
        super().connection_made(self._connection)  # type: ignore[arg-type] # all of a transport but its base class
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head:
            return
        self._head_bytes += len(data)  # counts all of it as head: few heads arrive in two pieces
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        elif self._timer is None:
            self._start_timer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self._connection  # type: ignore[literal-required] # an extension of ours
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._timer is not None:
            self._stop_timer()
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
