"""One client's event stream: what was, what is, and never more in memory than a bounded buffer.

A stream is parked (`jobline.service.server.deferred`): whoever tells it an event wakes its pump. While the
client does not read, the pump waits in ``send``, and events gather in the buffer; when they pass
``BUFFER_BYTES`` they are dropped, and the pump reads on from Redis by the last id sent, a page at a time,
until it has caught up. Nobody waits for it.

An outage of Redis ends no stream: browsers do not come back after a 503.
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
from jobline.service.events.frames import BEAT, OPENING, Frame
from jobline.service.events.hub import CLOSING, RESYNC, News
from jobline.service.server.connection import CONNECTION, Connection
from jobline.service.server.deferred import DeferredAnswer

#: What waits for a client at most, beside what its socket holds (uvicorn stops at 64 kB).
BUFFER_BYTES = 65_536
#: How long to leave Redis alone after it did not answer; not all streams come again at once.
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
    """Send one client the events that ``read`` gives after a stream id, and those that it is told."""

    __slots__ = (
        "_chunk", "_connection", "_frames", "_has_ended", "_is_behind", "_is_ending", "_position", "_read",
        "_releases", "_size", "_stops", "_write",
    )  # fmt: skip

    def __init__(self, read: Read, write: Write, *, stops: bool) -> None:
        super().__init__()
        self._read = read
        self._releases: list[Callable[[Stream], None]] = []
        self._write = write
        self._connection: Connection | None = None
        self._stops = stops  # with the last event of a job
        self._chunk = b""  # goes out next
        self._frames: list[Frame] = []  # go out after it
        self._size = 0
        self._position = Position(0, 0)  # of the last event in the chunk, or sent
        self._is_behind = False  # what was told is dropped, and to be read
        self._is_ending = False  # the process stops
        self._has_ended = False  # the last event was sent

    # what others tell

    def tell(self, frame: Frame) -> None:
        """Take one event, in order."""
        if self._is_behind:
            return
        if self._frames and self._size + len(frame.data) > BUFFER_BYTES:
            self.fall_behind()
            return
        self._frames.append(frame)
        self._size += len(frame.data)
        self._wake()

    def hear(self, news: News) -> None:
        """Take what the hub tells: one event of the job, or that some may have gone by."""
        if news.kind == RESYNC:
            self.fall_behind()
            return
        if news.kind == CLOSING:
            self.end()
            return
        if news.frame is None:
            news.frame = self._write(Event.read_told(news.text, news.job_id))
        self.tell(news.frame)

    def fall_behind(self) -> None:
        """Read on from Redis: what was told is not all there is."""
        self._is_behind = True
        self._drop()
        self._wake()

    def end(self) -> None:
        """Let the client go, to come again elsewhere."""
        self._is_ending = True
        self._wake()

    def beat(self) -> None:
        """Send a sign of life, unless there is something else to send."""
        if self._sender is not None or self._send is None or self._is_closed:
            return
        if self._connection is not None:
            self._connection.write_chunk(BEAT)
        else:
            self._chunk = BEAT
            self._wake()

    # what the request does

    async def open(self, after: str) -> bool:
        """Read the first page; claims that there is something to send, now or later. Raises what it does."""
        page = await self._read(after)
        self._take(page)
        return bool(self._chunk) or not self._has_ended

    async def begin(self, scope: Scope, send: Send) -> None:
        """Begin the answer."""
        self._connection = scope.get(CONNECTION)
        # A list of its own: the middleware adds to it.
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await send({"type": "http.response.body", "body": OPENING, "more_body": True})

    def at_close(self, release: Callable[[Stream], None]) -> None:
        """Call ``release`` when the stream closes."""
        self._releases.append(release)

    def _start(self) -> None:
        self._wake()

    def _unsubscribe(self) -> None:
        while self._releases:
            self._releases.pop()(self)

    # the pump

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
        """Make the next chunk; False when there is none, for now or for good."""
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
        """Read the next page; False when Redis does not answer, and the pump is to come again."""
        self._is_behind = False  # what is told from now on is kept: the page may not hold it
        try:
            self._take(await self._read("{}-{}".format(*self._position)))
        except LedgerUnavailable:
            self._is_behind = True
            self._drop()
            asyncio.get_running_loop().call_later(random.uniform(*RETRY_S), self._wake)  # noqa: S311 - no secret
            return False
        except Refused:  # the job is gone
            self._has_ended = True
        return True

    def _take(self, page: History) -> None:
        """Make a page the next chunk; what is later than it stays in the buffer."""
        self._chunk = b"".join(self._write(event).data for event in page.events)
        if page.position:
            self._position = Position.read(page.position)
        self._has_ended = page.has_ended
        if page.has_more:
            self._is_behind = True
            self._drop()

    def _join(self) -> None:
        """Make the buffer the next chunk, without what was sent before."""
        frames = [frame for frame in self._frames if frame.position > self._position]
        self._drop()
        if frames:
            self._chunk = b"".join(frame.data for frame in frames)
            self._position = frames[-1].position
            self._has_ended = self._stops and frames[-1].is_last

    def _drop(self) -> None:
        self._frames = []
        self._size = 0
