"""Waiting clients (``?wait=N``, ``Prefer: wait=N``): they get a response when the job ends or time is up.

A `JobWait` subscribes to the job's events before the job is first read, so that its end cannot be missed.
While it waits it is a deferred answer (`jobline.service.server.deferred`): it keeps what it needs for the
response, but no record and no frames. When a job with many waiting clients ends, it is read once for all of
a tenant's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.record import Record
from jobline.ledger import commands
from jobline.ledger.store import Store
from jobline.service.answers.problems import answer_error
from jobline.service.events.dispatcher import CLOSING, RESYNC, Dispatcher, Notification
from jobline.service.server.deferred import DEFERRED, DeferredAnswer

#: The notifications after which the job is read again.
RELEVANT = frozenset({"job.succeeded", "job.failed", "job.revoked", RESYNC, CLOSING})

#: Returns the response for a job in its current state; may raise a refusal.
Write = Callable[[Record], ASGIApp]


class JobWait(DeferredAnswer):
    """One client's wait until its job ends, time is up or the process stops; ``write`` makes the response."""

    __slots__ = (
        "_dispatcher", "_fallback", "_is_over", "_job_id", "_notes_end", "_reading", "_scope",
        "_send_guarded", "_store", "_tenant", "_timer", "_wait_s", "_write",
    )  # fmt: skip

    def __init__(
        self,
        dispatcher: Dispatcher,
        store: Store,
        job_id: str,
        tenant: str,
        wait_s: float,
        write: Write,
        *,
        notes_end: bool = False,
    ) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._store = store
        self._job_id = job_id
        self._tenant = tenant
        self._wait_s = wait_s
        self._write = write
        self._notes_end = notes_end  # note that the job ended in time: replays of its key get the same status
        self._fallback: Record | None = None
        self._reading: asyncio.Task[Record] | None = None  # finished, and not handled yet
        self._is_over = False  # respond now, whatever the job's state
        self._timer: asyncio.TimerHandle | None = None
        self._scope: Scope
        self._send_guarded: Send

    def notify(self, notification: Notification) -> None:
        """Handle a notification: read the job again if it may have ended."""
        if notification.kind not in RELEVANT:
            return
        is_closing = notification.kind == CLOSING
        if is_closing:
            self._is_over = True
        reading = notification.readings.get(self._tenant)
        if reading is None:
            watcher = "" if is_closing else self._dispatcher.name
            reading = notification.readings[self._tenant] = asyncio.create_task(self._read(watcher))
        reading.add_done_callback(self._handle)

    # the route

    async def read(self) -> ASGIApp:
        """Read the job; return the response, or this wait to respond later. Raises the errors of the read."""
        return await self.watch(self._read(self._dispatcher.name))

    async def watch(self, first: Awaitable[Record]) -> ASGIApp:
        """Like `read`, with the first record taken from another awaitable, such as a submit."""
        self._dispatcher.subscribe(self._job_id, self)
        is_waiting = False
        try:
            record = await self._note(await first)
            answer = self._write(record)  # a refusal is sent at once, not after the wait
            is_waiting = not record.state.is_terminal
        finally:
            if not is_waiting:
                self.close()
        return self if is_waiting else answer

    async def switch_to(self, record: Record) -> Record:
        """Wait for another job instead: the one that the first request with the idempotency key created."""
        self._dispatcher.unsubscribe(self._job_id, self)
        self._job_id, self._notes_end = record.id, False
        self._dispatcher.subscribe(record.id, self)
        with contextlib.suppress(LedgerUnavailable):
            return await self._read(self._dispatcher.name)
        return record

    def set_fallback(self, record: Record) -> Record:
        """Respond with this record if Redis is away: a stored job is never answered with an error."""
        self._fallback = record
        return record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the signature of ASGI
        """Defer the response; this is the response of the route."""
        self._scope = scope
        self._send_guarded = send
        scope[DEFERRED] = self

    # the deferred answer

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._end)
        if self._reading is not None:
            self._wake()

    def _handle(self, reading: asyncio.Task[Record]) -> None:
        self._reading = reading
        self._wake()

    def _end(self) -> None:
        self._is_over = True
        self._wake()

    async def _send_pending(self, send: Send) -> None:  # noqa: ARG002 - the head of a response passes the guards
        try:
            record = await self._find_record()
            answer = None if record is None else self._write(record)
        except Exception as error:  # noqa: BLE001 - every error is answered, as for a route
            answer = await answer_error(Request(self._scope), error)
        if answer is not None:
            self._is_closed = True
            await answer(self._scope, receive_nothing, self._send_guarded)

    async def _find_record(self) -> Record | None:
        """Return the job if it is time to respond; notifications that arrive meanwhile are handled too."""
        while self._is_over or self._reading is not None:
            reading, self._reading = self._reading, None
            is_over = self._is_over
            try:
                record = await self._read() if reading is None else reading.result()
            except LedgerUnavailable:
                if self._fallback is None:
                    raise
                return self._fallback
            if is_over or record.state.is_terminal:
                return await self._note(record)
        return None

    async def _note(self, record: Record) -> Record:
        """Note in the ledger that the end of the job was sent, unless another client's read has noted it."""
        if self._notes_end and record.state.is_terminal and not record.answered:
            with contextlib.suppress(LedgerUnavailable):
                return await self._read()
        return record

    async def _read(self, watcher: str = "") -> Record:
        command = commands.jobs.read_job(self._job_id, self._tenant, subscriber=watcher, note=self._notes_end)
        return await self._store.run(command)

    def _unsubscribe(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._dispatcher.unsubscribe(self._job_id, self)


class AsgiResponse(Response):
    """A FastAPI response that is sent by an ASGI application."""

    def __init__(self, answer: ASGIApp) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


async def receive_nothing() -> Message:
    """Act as the ``receive`` of a request whose body was read."""
    return {"type": "http.disconnect"}
