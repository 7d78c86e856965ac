"""One client's event stream: past events, then live ones, with a bounded buffer in memory.

A stream is a deferred answer (`jobline.service.server.deferred`): an event wakes its sender task. While the
client does not read, the sender waits in ``send`` and events collect in the buffer. Above ``BUFFER_BYTES``
the buffer is dropped, and the sender reads on from Redis, a page at a time from the last ID sent, until it
has caught up. Nothing else ever waits for a slow client.

An outage of Redis does not end a stream: browsers do not reconnect after a 503.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from starlette.types import Message, Scope, Send

from jobline.domain.errors import LedgerUnavailable, Refused
from jobline.domain.event import Event, Position
from jobline.ledger.commands.events import History
from jobline.ledger.subscription import read_message
from jobline.service.events.dispatcher import CLOSING, RESYNC, Notification
from jobline.service.events.frames import HEARTBEAT, OPENING, Frame
from jobline.service.server.connection import CONNECTION, Connection
from jobline.service.server.deferred import DeferredAnswer

#: Limit of the buffer of one client; its socket holds up to 64 kB more (uvicorn's limit).
BUFFER_BYTES = 65_536
#: Seconds until a stream reads again after Redis did not respond; a random choice spreads the streams.
RETRY_S = (1.0, 3.0)

HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}

logger = logging.getLogger("jobline.events")

Read = Callable[[str], Awaitable[History]]
Write = Callable[[Event], Frame]


class Stream(DeferredAnswer):
    """One client's stream. ``read`` returns the stored events after an ID, ``write`` formats live ones."""

    __slots__ = (
        "_callbacks", "_chunk", "_connection", "_frames", "_has_ended", "_is_behind", "_is_ending",
        "_position", "_read", "_size", "_stops", "_write",
    )  # fmt: skip

    def __init__(self, read: Read, write: Write, *, stops: bool) -> None:
        super().__init__()
        self._read = read
        self._callbacks: list[Callable[[Stream], None]] = []
        self._write = write
        self._connection: Connection | None = None
        self._stops = stops  # whether the last event of a job ends the stream
        self._chunk = b""  # is sent next
        self._frames: list[Frame] = []  # are sent after the chunk
        self._size = 0
        self._position = Position(0, 0)  # of the last event that is in the chunk or was sent
        self._is_behind = False  # the buffer was dropped; read from Redis
        self._is_ending = False  # the process is stopping
        self._has_ended = False  # the last event was sent

    # notifications

    def push(self, frame: Frame) -> None:
        """Buffer one event; events arrive in order."""
        if self._is_behind:
            return
        if self._frames and self._size + len(frame.data) > BUFFER_BYTES:
            self.fall_behind()
            return
        self._frames.append(frame)
        self._size += len(frame.data)
        self._wake()

    def notify(self, notification: Notification) -> None:
        """Handle an event of the job, or the notice that events may have been missed."""
        if notification.kind == RESYNC:
            self.fall_behind()
            return
        if notification.kind == CLOSING:
            self.end()
            return
        if notification.frame is None:
            event = read_message(notification.text, notification.job_id)
            notification.frame = write_or_skip(self._write, event)
        if notification.frame is not None:
            self.push(notification.frame)

    def fall_behind(self) -> None:
        """Drop the buffer and read on from Redis, because events were missed."""
        self._is_behind = True
        self._drop()
        self._wake()

    def end(self) -> None:
        """End the response, so that the client reconnects, to another process."""
        self._is_ending = True
        self._wake()

    def send_heartbeat(self) -> None:
        """Send a heartbeat, unless there is something else to send."""
        if self._sender is not None or self._send is None or self._is_closed:
            return
        if self._connection is not None:
            self._connection.write_chunk(HEARTBEAT)
        else:
            self._chunk = HEARTBEAT
            self._wake()

    # the request

    async def open(self, after: str) -> bool:
        """Read the first page; return whether there is something to send, now or later."""
        page = await self._read(after)
        self._take(page)
        return bool(self._chunk) or not self._has_ended

    async def begin(self, scope: Scope, send: Send) -> None:
        """Send the head of the response."""
        self._connection = scope.get(CONNECTION)
        if self._connection is not None:
            self._connection.end_at_eof()
        # A list for each response: the middleware adds to it.
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await send({"type": "http.response.body", "body": OPENING, "more_body": True})

    def at_close(self, callback: Callable[[Stream], None]) -> None:
        """Call ``callback`` when the stream closes."""
        self._callbacks.append(callback)

    def _start(self) -> None:
        self._wake()

    def _unsubscribe(self) -> None:
        while self._callbacks:
            self._callbacks.pop()(self)

    # the sender task

    async def _send_pending(self, send: Send) -> None:
        try:
            while await self._prepare():
                chunk, self._chunk = self._chunk, b""
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if self._has_ended or self._is_ending:
                self._is_closed = True
                await send(END)
        except Exception:
            logger.exception("an event stream broke")
            self._is_closed = True
            await send(END)

    async def _prepare(self) -> bool:
        """Prepare the next chunk; return whether there is one."""
        while not self._chunk and not self._has_ended and not self._is_ending:
            if self._is_behind:
                if not await self._catch_up():
                    return False
            elif self._frames:
                self._join()
            else:
                return False
        return bool(self._chunk)

    async def _catch_up(self) -> bool:
        """Read the next page; return False if Redis does not respond, and try again later."""
        self._is_behind = False  # keep events from now on: the page may not contain them
        try:
            self._take(await self._read("{}-{}".format(*self._position)))
        except LedgerUnavailable:
            self._is_behind = True
            self._drop()
            asyncio.get_running_loop().call_later(random.uniform(*RETRY_S), self._wake)  # noqa: S311 - no secret
            return False
        except Refused:  # the job was deleted or has expired
            self._has_ended = True
        return True

    def _take(self, page: History) -> None:
        """Make a page the next chunk; later events stay in the buffer."""
        frames = [write_or_skip(self._write, event) for event in page.events]
        self._chunk = b"".join(frame.data for frame in frames if frame)
        if page.position:
            self._position = Position.read(page.position)
        self._has_ended = page.has_ended
        if page.has_more:
            self._is_behind = True
            self._drop()

    def _join(self) -> None:
        """Make the buffer the next chunk, without the events that were sent before."""
        frames = [frame for frame in self._frames if frame.position > self._position]
        self._drop()
        if frames:
            self._chunk = b"".join(frame.data for frame in frames)
            self._position = frames[-1].position
            self._has_ended = self._stops and frames[-1].is_last

    def _drop(self) -> None:
        self._frames = []
        self._size = 0


def write_or_skip(write: Write, event: Event) -> Frame | None:
    """Return an event as it is sent; None, after a line in the log, for content that no script wrote."""
    try:
        return write(event)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        logger.warning("The event %s of the job %s is damaged: %r", event.id, event.job_id, error)
        return None
