"""Answer a request at its job's end, or when its time is over: ``?wait=N`` and ``Prefer: wait=N``.

A `Waiter` is told of the job's events from before the job is first read, so no end goes by. Until then it is
parked (`jobline.service.server.deferred`) and holds what it needs for its answer, no record and no frames.
The end of a job that many wait for is read once for all of them.
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
from jobline.service.events.hub import CLOSING, RESYNC, Hub, News
from jobline.service.server.deferred import DEFERRED, DeferredAnswer

#: After these the job is read again.
TELLING = frozenset({"job.succeeded", "job.failed", "job.revoked", RESYNC, CLOSING})

#: Write the answer of a job as it is; may raise what the request is to be refused with.
Write = Callable[[Record], ASGIApp]


class Waiter(DeferredAnswer):
    """Hold one request until its job ends, its time is over or the process stops; then ``write`` answers."""

    __slots__ = (
        "_hub", "_is_over", "_job_id", "_known", "_notes", "_reading", "_scope", "_send_guarded", "_store",
        "_tenant", "_timer", "_wait_s", "_write",
    )  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        store: Store,
        job_id: str,
        tenant: str,
        wait_s: float,
        write: Write,
        *,
        notes: bool = False,
    ) -> None:
        super().__init__()
        self._hub = hub
        self._store = store
        self._job_id = job_id
        self._tenant = tenant
        self._wait_s = wait_s
        self._write = write
        self._notes = notes  # that the job ended in time: a later request of the same key is answered so, too
        self._known: Record | None = None
        self._reading: asyncio.Task[Record] | None = None  # done, and not looked at yet
        self._is_over = False  # the client is to be answered, whatever the job's state
        self._timer: asyncio.TimerHandle | None = None
        self._scope: Scope
        self._send_guarded: Send

    def hear(self, news: News) -> None:
        """Take what the hub tells."""
        if news.kind not in TELLING:
            return
        if news.kind == CLOSING:
            self._is_over = True
        if news.reading is None:
            news.reading = asyncio.create_task(self._read("" if news.kind == CLOSING else self._hub.name))
        news.reading.add_done_callback(self._take)

    # what the route does

    async def read(self) -> ASGIApp:
        """Read the job and give its answer, or this waiter to answer later. Raises what the reading does."""
        return await self.watch(self._read(self._hub.name))

    async def watch(self, first: Awaitable[Record]) -> ASGIApp:
        """Do the same with a record that comes of something else than reading."""
        self._hub.attach(self._job_id, self)
        is_waiting = False
        try:
            record = await self._note(await first)
            answer = self._write(record)  # what is wrong is said at once, not after the wait
            is_waiting = not record.state.is_terminal
        finally:
            if not is_waiting:
                self.close()
        return self if is_waiting else answer

    async def turn_to(self, record: Record) -> Record:
        """Wait for another job: the one that the first request of an idempotency key made."""
        self._hub.detach(self._job_id, self)
        self._job_id, self._notes = record.id, False
        self._hub.attach(record.id, self)
        with contextlib.suppress(LedgerUnavailable):
            return await self._read(self._hub.name)
        return record

    def keep(self, record: Record) -> Record:
        """Answer with this where Redis does not answer: what was stored is never answered with an error."""
        self._known = record
        return record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Be the answer of the route: leave it to the parking."""
        self._scope = scope
        self._send_guarded = send
        scope[DEFERRED] = self

    # parked

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._wait_s, self._end)
        if self._reading is not None:
            self._wake()

    def _take(self, reading: asyncio.Task[Record]) -> None:
        self._reading = reading
        self._wake()

    def _end(self) -> None:
        self._is_over = True
        self._wake()

    async def _send_pending(self, send: Send) -> None:  # noqa: ARG002 - the head of an answer passes the guards
        try:
            record = await self._look()
            answer = None if record is None else self._write(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told as by a route
            answer = await answer_error(Request(self._scope), error)
        if answer is not None:
            self._is_closed = True
            await answer(self._scope, receive_nothing, self._send_guarded)

    async def _look(self) -> Record | None:
        """Give the job if it is time to answer; what is told meanwhile is looked at, too."""
        while self._is_over or self._reading is not None:
            reading, self._reading = self._reading, None
            is_over = self._is_over
            try:
                record = await self._read() if reading is None else reading.result()
            except LedgerUnavailable:
                if self._known is None:
                    raise
                return self._known
            if is_over or record.state.is_terminal:
                return await self._note(record)
        return None

    async def _note(self, record: Record) -> Record:
        """Have the ledger note a job that ended as answered, where the reading of another did not."""
        if self._notes and record.state.is_terminal and not record.answered:
            with contextlib.suppress(LedgerUnavailable):
                return await self._read()
        return record

    async def _read(self, watcher: str = "") -> Record:
        command = commands.jobs.read_job(self._job_id, self._tenant, watcher=watcher, note=self._notes)
        return await self._store.run(command)

    def _unsubscribe(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._hub.detach(self._job_id, self)


class Later(Response):
    """Be a response to FastAPI, and have something else answer."""

    def __init__(self, answer: ASGIApp) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


async def receive_nothing() -> Message:
    """Be what an answer receives from when the request was read."""
    return {"type": "http.disconnect"}
