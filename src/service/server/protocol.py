"""uvicorn's HTTP protocol, with the bounds that it lacks.

::

    bytes ──> slices ──> parser ──> head ──> application ──> answer ──> rest of the body ──> next head
                │                    │                                        │
                │                    └ MAX_HEAD_BYTES, RECEIVE_S              └ RECEIVE_S, then closed
                └ requests behind another: not parsed before it is answered

1. The parser gets a few kilobytes at a time. Once a request waits behind another, the rest stays unparsed and
   nothing more is read: a parsed request takes a hundred times its bytes.
2. A head, and what follows an answer, must arrive within `RECEIVE_S`. Between the two, the application limits
   the time of the body (`jobline.service.guards.hardening`).
3. Bytes that are neither head nor body (chunk headers, trailers, blank lines) are bounded. Trailers are
   dropped: they must not count as headers (RFC 9110, section 6.5.1).
4. An upgrade that nobody asked us to support is ignored (RFC 9110, section 7.8), and the body is read.
5. A connection closes only when the client has sent all, or its time is over: else the client's system would
   discard the answer.

Responses leave in one write, see `coalescing`.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jobline.service.server.coalescing import CoalescingTransport
from jobline.service.server.connection import CONNECTION
from jobline.service.server.flow import BoundedFlow
from jobline.service.server.http10 import without_chunks
from jobline.service.server.limits import MAX_HELD_BYTES, MAX_REFUSED, Limits
from jobline.service.server.refusal import Refusal, write_refusal
from jobline.service.server.upgrade import write_plain_head

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

MAX_HEAD_BYTES = 65_536
#: Chunk headers and trailers between two bytes of a body, or after the last one.
MAX_FRAMING_BYTES = 32_768
#: Seconds for a head, and for what follows an answer: the rest of the body, blank lines, the client's close.
RECEIVE_S = 15.0
#: Seconds in which a client must read something of a response that does not fit into the buffers.
STALL_S = 60.0
#: What the parser gets at a time. With the shortest requests, that is two hundred of them.
SLICE_BYTES = 4096
#: The memory of one parsed request that waits (measured: 2.7 kB with one header).
REQUEST_BYTES = 4096


class Phase(Enum):
    """What the client sends next."""

    #: Set after each request: a new one, or blank lines.
    IDLE = 0
    #: Set by the first byte of a request.
    HEAD = 1
    #: Set at the end of a head: the body and its trailers.
    BODY = 2


class BoundedProtocol(HttpToolsProtocol):
    """One connection, bounded in memory and in time."""

    # Slots: with more than thirty attributes, each connection would get a dictionary of its own, of more than
    # a kilobyte.
    __slots__ = (
        "_charged", "_connection", "_framing_bytes", "_has_ended", "_held", "_is_half_closed",
        "_is_upgrading", "_limits", "_phase", "_refusal", "_running", "_stall", "_timer",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._phase = Phase.HEAD
        self._framing_bytes = 0
        self._held = b""  # received behind a request that is not answered yet
        self._charged = 0  # of `Limits.held_bytes`
        self._has_ended = False  # a request ended in the slice that is being parsed
        self._is_upgrading = False
        self._is_half_closed = False
        self._refusal = b""  # is sent once everything before it has been answered
        self._running: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    # the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent
        self._connection = CoalescingTransport(transport, self.loop, self._linger)
        super().connection_made(self._connection)  # type: ignore[arg-type] # all of a transport but its base class
        self.flow = BoundedFlow(self._connection, self.pipeline)  # type: ignore[arg-type] # as above
        self._start_timer()
        excess = len(self.connections) - self._limits.max_connections
        if excess > MAX_REFUSED:
            transport.abort()
        elif excess > 0:
            self._refuse(Refusal.TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_stall()
        self._held = b""
        running = self._running  # with requests behind it, it is not the one that uvicorn knows
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        self.pipeline.clear()
        self._settle()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override] # the parent never keeps a connection open
        """Keep the connection open for the answers to what has arrived whole (RFC 9112, section 9.6)."""
        self._connection.flush()  # the parent transport closes itself
        is_whole = bool(self._held) or self._phase is Phase.IDLE
        self._is_half_closed = (
            is_whole
            and self._is_answering()
            and not self._connection.is_lingering
            and not self._connection.ends_at_eof
        )
        return self._is_half_closed

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_S, self._connection.abort)

    def resume_writing(self) -> None:
        self._stop_stall()
        super().resume_writing()

    def shutdown(self) -> None:
        self._phase = Phase.IDLE  # nothing more is waited for
        if self._connection.is_lingering:
            self._connection.close()
        else:
            super().shutdown()

    # what arrives

    def data_received(self, data: bytes) -> None:
        if self._connection.is_lingering or self._refusal:
            return
        if self.pipeline:  # reading is paused, and this was on its way
            self._held += data
            self._settle()
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if len(data) <= SLICE_BYTES:
            self._feed(data)
        else:
            view = memoryview(data)
            for start in range(0, len(data), SLICE_BYTES):
                self._feed(view[start : start + SLICE_BYTES])
                if self.pipeline:
                    self._held = data[start + SLICE_BYTES :]
                    break
                if self._connection.is_closing() or self._refusal:
                    return
        if self.pipeline or self._charged:
            self._settle()

    def _feed(self, data: bytes | memoryview) -> None:
        self._has_ended = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(bytes(data[upgrade.args[0] :]))
            return
        except httptools.HttpParserError:
            self._refuse(Refusal.MALFORMED)
            return
        self._framing_bytes += len(data)
        if self._phase is Phase.IDLE and self._has_ended:
            self._framing_bytes = 0
        elif self._phase is not Phase.BODY:
            if self._timer is None:
                self._start_timer()
            if self._framing_bytes > MAX_HEAD_BYTES:
                self._refuse(Refusal.TOO_LARGE)
        elif self._framing_bytes > MAX_FRAMING_BYTES:
            self._refuse(Refusal.TOO_LARGE)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Parse the request as if it had not asked for another protocol: llhttp has skipped its body."""
        self._is_upgrading = False
        head = write_plain_head(self.parser.get_method(), self.url, self.headers)
        self.parser = httptools.HttpRequestParser(self)  # the old one takes nothing after `Connection: close`
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        if head is None:
            self._refuse(Refusal.MALFORMED)
        else:
            self._feed(head + rest)

    # the parser's callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self._connection  # type: ignore[literal-required] # an extension of ours
        self._phase, self._framing_bytes = Phase.HEAD, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase is Phase.HEAD:  # else it is a trailer
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            self._is_upgrading = True
            return
        self._phase, self._framing_bytes = Phase.BODY, 0
        if self._timer is not None:
            self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._framing_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_upgrading:
            return
        super().on_message_complete()
        self._phase, self._has_ended = Phase.IDLE, True
        if self.cycle.response_complete:  # it was answered early
            self._stop_timer()
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # what is answered

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self._connection.ends_at_eof = False
        self._connection.is_chunked = cycle.scope["http_version"] != "1.0"
        if not self._connection.is_chunked:
            app = without_chunks(app, cycle)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._charged:
            if self._held and not self.pipeline:  # the rest of this one's body, or further requests
                held, self._held = self._held, b""
                self._parse(held)
            self._settle()
        if self._connection.is_closing() or self._is_answering():
            return
        if self._refusal:
            self._send(self._refusal)
        elif self._is_half_closed:
            self._connection.close()
        elif self.cycle.more_body and self._timer is None:
            self._start_timer()

    def _is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be parsed, after everything that came before it, and close."""
        answer = write_refusal(refusal, self.server_state.default_headers, self.root_path)
        if self._phase is Phase.BODY:  # of the last one
            last = self.cycle
            if self.pipeline:
                self.pipeline.popleft()
            else:
                last.disconnected = True
                last.message_event.set()
                self._send(b"" if last.response_started else answer)
                return
        if self._is_answering():
            self._refusal = answer
            self.flow.pause_reading()
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        self._phase = Phase.BODY  # whatever comes now is discarded
        if answer:
            self._connection.write(answer)
        self._refusal = answer or b"-"
        self._connection.close()

    # the bounds

    def _linger(self) -> bool:
        """Return whether the client may still be sending; then it has `RECEIVE_S` to end."""
        is_whole = self._phase is Phase.IDLE and not self._held and not self.pipeline
        if is_whole or self._is_half_closed:
            return False
        self._held = b""
        self.pipeline.clear()
        self._settle()
        self.flow.resume_reading()
        self._stop_timer()
        self._start_timer()
        return True

    def _settle(self) -> None:
        """Count what waits here among all connections; abort this one if it is too much."""
        charged = len(self._held) + REQUEST_BYTES * len(self.pipeline)
        grown, self._charged = charged - self._charged, charged
        self._limits.held_bytes += grown
        if grown > 0 and self._limits.held_bytes > MAX_HELD_BYTES:
            self._connection.abort()

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(RECEIVE_S, self._connection.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
