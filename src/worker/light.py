"""A pool of coroutines: thousands of `async def` jobs at once in one process, and short plain ones too.

Celery's tracer is a plain function that waits: for the task, for the ledger. Here each `async def` job runs
the stock tracer in a greenlet on the thread of one asyncio loop. Where the tracer would wait, the greenlet
hands an awaitable to the loop and sleeps until it is done; so hooks, signals, retries and events keep their
meaning, and a waiting job costs a few kilobytes.

Plain functions would stop the loop, so they run one at a time on a thread of their own. That is the quickest
way for short ones, for nothing is handed to another process; a plain job that turns out long keeps the worker
from claiming until it ends, and what was claimed behind it goes back to the ledger (`Pulse.give_back`).

Nothing here can be killed: a coroutine ends at its next `await` after a cancel or a timeout, a plain function
when it returns. Jobs that must be killable belong to the prefork pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from celery.concurrency.base import BasePool, apply_target
from celery.worker import state
from greenlet import getcurrent, greenlet

from jobs.commands import Command
from jobs.errors import JobCancelled, LedgerUnavailable
from ledger import Recorder, Store
from worker.wiring import wiring_of

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: A plain job that runs longer than this is no short one: nothing may wait behind it.
SHORT_S = 0.05
#: How often a stopping pool looks whether its jobs have ended.
LOOK_EVERY_S = 0.05


class Light:
    """Run greenlets on one asyncio loop, on a thread of its own."""

    def __init__(self, ledger_url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._ledger_url = ledger_url
        self._store: Store | None = None
        self._incoming: deque[Callable[[], object]] = deque()
        self._is_told = False
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._stopped: set[str] = set()
        self._tellings: set[asyncio.Task[None]] = set()
        self.plain = Plain()
        self._thread = threading.Thread(target=self.loop.run_forever, name="light", daemon=True)
        self._thread.start()

    # from any thread

    def start(self, call: Callable[[], object]) -> None:
        """Run a plain function in a greenlet of the loop's thread, where it may use `wait_for`."""
        self._incoming.append(call)
        if not self._is_told:
            self._is_told = True
            self.loop.call_soon_threadsafe(self._take_in)

    def cancel(self, job_id: str) -> None:
        """Cancel the coroutine of a job, if it runs here."""
        self.loop.call_soon_threadsafe(self._cancel, job_id)

    def is_inside(self) -> bool:
        """Claim that the caller runs in a greenlet of this loop, and so may wait."""
        return threading.current_thread() is self._thread and getcurrent().parent is not None

    def is_stuck(self) -> bool:
        """Claim that a plain job runs which is no short one."""
        return self.plain.is_stuck

    def take_back(self) -> list[str]:
        """Take out the jobs that wait behind a long plain one; give their ids."""
        return self.plain.take_back()

    # in a greenlet

    def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Wait for an awaitable; the loop goes on with other jobs meanwhile."""
        loop = getcurrent().parent
        assert loop is not None  # noqa: S101 - narrows a type: is_inside says so
        future: asyncio.Future[T] = loop.switch(awaitable)
        return future.result()

    def ask(self, command: Command[T]) -> T:
        """Run one command of the ledger; those of one turn of the loop go out together."""
        return self.wait_for(self.store.run(command))

    def run(self, job_id: str, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a job's coroutine; raises TimeoutError after ``timeout_s``, JobCancelled after a cancel."""
        task = self.loop.create_task(coroutine)
        self._running[job_id] = task
        alarm = self.loop.call_later(timeout_s, task.cancel)
        try:
            return self.wait_for(task)
        except asyncio.CancelledError:
            if job_id in self._stopped:
                raise JobCancelled from None
            raise TimeoutError from None
        finally:
            alarm.cancel()
            self._running.pop(job_id, None)
            self._stopped.discard(job_id)

    # on the loop's thread, from a job's coroutine

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

    @property
    def store(self) -> Store:
        """Give the connections to the ledger, opened on the loop's thread."""
        if self._store is None:
            self._store = Store(self._ledger_url)
        return self._store

    def _take_in(self) -> None:
        self._is_told = False
        while self._incoming:
            self._go_on(greenlet(self._incoming.popleft()))

    def _go_on(self, job: greenlet, *value: object) -> None:
        awaitable = job.switch(*value)
        if not job.dead:
            future = asyncio.ensure_future(awaitable, loop=self.loop)
            future.add_done_callback(partial(self._go_on, job))

    def _cancel(self, job_id: str) -> None:
        task = self._running.get(job_id)
        if task is not None:
            self._stopped.add(job_id)
            task.cancel()


class LightRecorder(Recorder):
    """Be the recorder that never blocks the loop: in a greenlet, it waits as one."""

    def __init__(self, url: str, light: Light) -> None:
        super().__init__(url)
        self._light = light

    def run(self, command: Command[T]) -> T:
        """Run one command."""
        return self._light.ask(command) if self._light.is_inside() else super().run(command)

    def rest(self, pause_s: float) -> None:
        """Wait between two tries."""
        if self._light.is_inside():
            self._light.wait_for(asyncio.sleep(pause_s))
        else:
            super().rest(pause_s)


class Plain:
    """Run plain functions one at a time, on a thread of their own."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._came = threading.Semaphore(0)
        self._began: float | None = None
        threading.Thread(target=self._run, name="plain", daemon=True).start()

    def start(self, job_id: str, call: Callable[[], object]) -> None:
        """Run a job after those that came before."""
        self._waiting.append((job_id, call))
        self._came.release()

    @property
    def is_stuck(self) -> bool:
        """Claim that the job that runs is no short one."""
        began = self._began
        return began is not None and time.monotonic() - began > SHORT_S

    def take_back(self) -> list[str]:
        """Take out what waits behind a long job; give the ids."""
        taken: list[str] = []
        while self._waiting and self.is_stuck:
            with contextlib.suppress(IndexError):  # the last one began just now
                taken.append(self._waiting.pop()[0])
        return taken

    def _run(self) -> None:
        while True:
            self._came.acquire()
            try:
                _, call = self._waiting.popleft()
            except IndexError:  # it was taken back
                continue
            self._began = time.monotonic()
            try:
                call()
            except Exception:
                logger.exception("a job's tracer failed")
            finally:
                self._began = None


class LightPool(BasePool):
    """Run `async def` jobs on the loop, plain ones on one thread."""

    body_can_be_buffer = True
    signal_safe = False

    def on_start(self) -> None:
        """Start the loop and the thread."""
        self._wiring = wiring_of(self.app)
        url = self._wiring.settings.ledger_url
        self._light = self._wiring.light = Light(url)
        self._wiring.recorder = LightRecorder(url, self._light)

    def on_apply(
        self,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        callback: Callable[..., object] | None = None,
        accept_callback: Callable[..., object] | None = None,
        **_: Any,
    ) -> None:
        """Run one job: Celery's tracer with what it needs."""
        name, job_id = args[0], args[1]
        job = partial(self._run, target, args, kwargs or {}, callback, accept_callback)
        if self._wiring.registry.get(name).is_async:
            self._light.start(job)
        else:
            self._light.plain.start(job_id, job)

    def _run(self, *job: Any) -> None:
        try:
            apply_target(*job)
        finally:
            self._wiring.loop.nudge()

    @property
    def num_processes(self) -> int:
        """Say how many jobs run at once."""
        return int(self.limit)

    def on_stop(self) -> None:
        """Wait for what runs."""
        while state.active_requests:
            time.sleep(LOOK_EVERY_S)

    def on_terminate(self) -> None:
        """Leave what runs to end with the process."""
