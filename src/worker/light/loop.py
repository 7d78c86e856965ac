"""An asyncio loop on which plain code may block: it runs in a greenlet, and only the greenlet waits."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import uvloop
from greenlet import GreenletExit, getcurrent, greenlet

from jobline.domain.errors import JobCancelled, LedgerUnavailable, TimeLimitReached
from jobline.ledger.commands.command import Command
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.ledger.store import Store
from jobline.worker.coroutines import CancelledWithin
from jobline.worker.light.plain import PlainThread, RunTimes

T = TypeVar("T")

#: How often the loop looks for coroutines past their time limit. A timer for each would cost more than a job.
CHECK_EVERY_S = 0.25


class Running:
    """One job's coroutine, its time limit, and whether it was cancelled."""

    __slots__ = ("deadline", "is_cancelled", "is_overdue", "task")

    def __init__(self, task: asyncio.Task[Any], timeout_s: float) -> None:
        self.task = task
        self.deadline = time.monotonic() + timeout_s
        self.is_cancelled = False
        self.is_overdue = False


class LightLoop:
    """The loop of one worker, with its connections to the ledger and its thread for plain jobs."""

    def __init__(self, connector: Connector) -> None:
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self.run_times = RunTimes()
        self.plain = PlainThread()
        self._connector = connector
        self._store: Store | None = None
        self._running: dict[str, Running] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._thread = threading.current_thread()
        self.loop.call_later(CHECK_EVERY_S, self._stop_overdue)

    # on any thread

    def cancel(self, job_id: str) -> None:
        """Cancel a job's coroutine if it runs here."""
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nothing runs on it
            self.loop.call_soon_threadsafe(self._cancel, job_id)

    def is_inside(self) -> bool:
        """Return whether the caller runs in a greenlet of this loop, where it may block."""
        return getcurrent().parent is not None and threading.current_thread() is self._thread

    def is_ending(self, error: BaseException) -> bool:
        """Return whether an error ends a greenlet because its loop was closed."""
        return isinstance(error, GreenletExit)

    def is_blocked(self) -> bool:
        """Return whether a long plain job runs, so that the worker should claim nothing."""
        return self.plain.is_blocked

    def withdraw(self) -> list[str]:
        """Remove the jobs that wait behind a long plain one, and return their ids."""
        return self.plain.withdraw()

    # on the loop's thread

    def start(self, call: Callable[[], object]) -> None:
        """Run a plain function in a greenlet, where it may use `wait_for`."""
        self.loop.call_soon(greenlet(call).switch)

    def send(self, command: Command[T], on_reply: Callable[[T], None]) -> None:
        """Run a command without blocking the caller; if Redis is out of reach, drop it."""

        async def run() -> None:
            with contextlib.suppress(LedgerUnavailable):
                on_reply(await self.store.run(command))

        sending = self.loop.create_task(run())
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call a function after a delay; return what cancels the call."""
        return self.loop.call_later(delay_s, call).cancel

    def close(self) -> None:
        """Close the connections and the loop; no job may run on it."""
        if self._store is not None:
            self.loop.run_until_complete(self._store.close())
        self.loop.close()

    # in a greenlet

    def wait_for(self, future: asyncio.Future[T]) -> T:
        """Wait for a future; other jobs run meanwhile."""
        job = getcurrent()
        assert job.parent is not None  # noqa: S101 - narrows a type: is_inside is true here
        future.add_done_callback(job.switch)
        job.parent.switch()
        return future.result()

    def run_command(self, command: Command[T]) -> T:
        """Run a command of the ledger; those of one turn of the loop go out together."""
        with running_loop(self.loop):
            return command.read(self.wait_for(self.store.request(command)))

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a plain function, which must not see that it runs on a loop: it may use ``asyncio.run``."""
        with running_loop(None):
            return function(*arguments)

    def run(self, job_id: str, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a job's coroutine.

        Raises TimeLimitReached after ``timeout_s``, JobCancelled after a cancel, and CancelledWithin when the
        coroutine cancelled itself.
        """
        running = self._running[job_id] = Running(self.loop.create_task(coroutine), timeout_s)
        try:
            result: T = self.wait_for(running.task)
        except asyncio.CancelledError:
            if running.is_cancelled:
                raise JobCancelled from None
            raise (TimeLimitReached if running.is_overdue else CancelledWithin) from None
        finally:
            del self._running[job_id]
        return result

    # within

    @property
    def store(self) -> Store:
        """The connections to the ledger, opened when the loop first needs them."""
        if self._store is None:
            self._store = Store(self._connector)
        return self._store

    def _cancel(self, job_id: str) -> None:
        if running := self._running.get(job_id):
            running.is_cancelled = True
            running.task.cancel()

    def _stop_overdue(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if now > running.deadline:
                running.is_overdue = True
                running.task.cancel()
        self.loop.call_later(CHECK_EVERY_S, self._stop_overdue)


@contextlib.contextmanager
def running_loop(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Have asyncio take a loop for the running one of this thread."""
    before = events._get_running_loop()  # noqa: SLF001 - they are for those who write event loops
    events._set_running_loop(loop)  # noqa: SLF001
    try:
        yield
    finally:
        events._set_running_loop(before)  # noqa: SLF001


class LightRecorder(Recorder):
    """A recorder that never blocks the loop: called in a greenlet, it blocks that greenlet alone."""

    def __init__(self, connector: Connector, light: LightLoop) -> None:
        super().__init__(connector)
        self._light = light

    def run(self, command: Command[T]) -> T:
        """Run one command."""
        return self._light.run_command(command) if self._light.is_inside() else super().run(command)

    def sleep(self, pause_s: float) -> None:
        """Wait between two tries."""
        if self._light.is_inside():
            with running_loop(self._light.loop):
                self._light.wait_for(self._light.loop.create_task(asyncio.sleep(pause_s)))
        else:
            super().sleep(pause_s)
