"""Run plain code that waits, in greenlets on one asyncio loop; and the recorder that such code uses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop
from greenlet import getcurrent, greenlet

from jobline.domain.errors import JobCancelled, LedgerUnavailable
from jobline.ledger.commands.command import Command
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.ledger.store import Store
from jobline.worker.light.plain import PlainThread, Typical

T = TypeVar("T")

#: How often the loop looks for coroutines past their time limit. A timer for each would cost more than a job.
LOOK_EVERY_S = 0.25


class Running:
    """Hold one job's coroutine, its time limit, and whether it was told to stop."""

    __slots__ = ("deadline", "is_cancelled", "task")

    def __init__(self, task: asyncio.Task[Any], timeout_s: float) -> None:
        self.task = task
        self.deadline = time.monotonic() + timeout_s
        self.is_cancelled = False


class Light:
    """Offer the jobs of one worker a place on its loop."""

    def __init__(self, connector: Connector) -> None:
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self.typical = Typical()
        self.plain = PlainThread()
        self._connector = connector
        self._store: Store | None = None
        self._running: dict[str, Running] = {}
        self._tellings: set[asyncio.Task[None]] = set()
        self._thread = threading.current_thread()
        self.loop.call_later(LOOK_EVERY_S, self._stop_overdue)

    # from any thread

    def cancel(self, job_id: str) -> None:
        """Cancel the coroutine of a job, if it runs here."""
        with contextlib.suppress(RuntimeError):  # the loop was closed, with all that ran on it
            self.loop.call_soon_threadsafe(self._cancel, job_id)

    def is_inside(self) -> bool:
        """Claim that the caller runs in a greenlet of this loop, and so may wait."""
        return getcurrent().parent is not None and threading.current_thread() is self._thread

    def is_stuck(self) -> bool:
        """Claim that a long plain job runs: the pool should claim nothing more for now."""
        return self.plain.is_stuck

    def take_back(self) -> list[str]:
        """Take out the jobs that wait behind a long plain one; give their ids."""
        return self.plain.take_back()

    # on the loop's thread

    def start(self, call: Callable[[], object]) -> None:
        """Run a plain function in a greenlet, where it may use `wait_for`."""
        self.loop.call_soon(greenlet(call).switch)

    def tell(self, command: Command[T], then: Callable[[T], None]) -> None:
        """Run a command beside the job, which does not wait; one that fails is dropped."""

        async def told() -> None:
            with contextlib.suppress(LedgerUnavailable):
                then(await self.store.run(command))

        telling = self.loop.create_task(told())
        self._tellings.add(telling)
        telling.add_done_callback(self._tellings.discard)

    def later(self, wait_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call something after a while; gives what cancels it."""
        return self.loop.call_later(wait_s, call).cancel

    def close(self) -> None:
        """Close the connections and the loop, when no job runs any more."""
        if self._store is not None:
            self.loop.run_until_complete(self._store.close())
        self.loop.close()

    # in a greenlet

    def wait_for(self, future: asyncio.Future[T]) -> T:
        """Wait for a future; the loop goes on with other jobs meanwhile."""
        job = getcurrent()
        assert job.parent is not None  # noqa: S101 - narrows a type: is_inside says so
        future.add_done_callback(job.switch)
        job.parent.switch()
        return future.result()

    def ask(self, command: Command[T]) -> T:
        """Run one command of the ledger; those of one turn of the loop go out together."""
        return command.read(self.wait_for(self.store.request(command)))

    def run(self, job_id: str, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a job's coroutine; raises TimeoutError after ``timeout_s``, JobCancelled after a cancel."""
        running = self._running[job_id] = Running(self.loop.create_task(coroutine), timeout_s)
        try:
            result: T = self.wait_for(running.task)
        except asyncio.CancelledError:
            if running.is_cancelled:
                raise JobCancelled from None
            raise TimeoutError from None
        finally:
            del self._running[job_id]
        return result

    # within

    @property
    def store(self) -> Store:
        """Give the connections to the ledger, opened when the loop first needs them."""
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
                running.task.cancel()
        self.loop.call_later(LOOK_EVERY_S, self._stop_overdue)


class LightRecorder(Recorder):
    """Be the recorder that never blocks the loop: in a greenlet, it waits as one."""

    def __init__(self, connector: Connector, light: Light) -> None:
        super().__init__(connector)
        self._light = light

    def run(self, command: Command[T]) -> T:
        """Run one command."""
        return self._light.ask(command) if self._light.is_inside() else super().run(command)

    def sleep(self, pause_s: float) -> None:
        """Wait between two tries."""
        if self._light.is_inside():
            self._light.wait_for(self._light.loop.create_task(asyncio.sleep(pause_s)))
        else:
            super().sleep(pause_s)
