"""`async def` tasks in the pools of processes and threads: one event loop a process, on a thread of its own.

All coroutines of the process share the loop. Each caller's thread waits for its own, so Celery's pool counts
it as busy, and its number of slots limits how many run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from jobline.domain.errors import JobCancelled, TimeLimitReached

#: How often a running coroutine's job is checked for a cancel.
CHECK_EVERY_S = 0.25

_loops: dict[int, asyncio.AbstractEventLoop] = {}
_lock = threading.Lock()


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of this process, started at the first call; a forked child starts its own."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            _loops[os.getpid()] = loop
            threading.Thread(target=loop.run_forever, name="coroutines", daemon=True).start()
        return loop


def run_coroutine(
    coroutine: Coroutine[Any, Any, Any], timeout_s: float, is_cancelled: Callable[[], bool]
) -> Any:
    """Run a coroutine on the process's loop, and cancel it when its job is cancelled.

    Raises TimeLimitReached after ``timeout_s``, JobStopped when the job was cancelled and the coroutine
    stopped, CancelledWithin when the coroutine cancelled itself, and whatever the coroutine raises.
    """
    future = asyncio.run_coroutine_threadsafe(bounded(coroutine, timeout_s, is_cancelled), process_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def contain_exit(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a task's coroutine; an exit in it must not end the loop, which other jobs share."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        raise TaskExited(repr(error)) from error


async def bounded(
    coroutine: Coroutine[Any, Any, Any], timeout_s: float, is_cancelled: Callable[[], bool]
) -> Any:
    """Run a task's coroutine until its time limit, and check meanwhile whether its job is cancelled."""
    running = asyncio.ensure_future(coroutine)
    try:
        async with asyncio.timeout(timeout_s) as limit:
            while not running.done():
                await asyncio.wait({running}, timeout=CHECK_EVERY_S)
                if not running.done() and await asyncio.to_thread(is_to_stop, is_cancelled):
                    running.cancel()
                    await asyncio.wait({running})
                    raise JobStopped
    except TimeoutError:
        if limit.expired():
            raise TimeLimitReached from None
        raise
    finally:
        running.cancel()
    if running.cancelled():
        raise CancelledWithin
    return running.result()


def is_to_stop(is_cancelled: Callable[[], bool]) -> bool:
    """Return whether the attempt was cancelled or lost its lease.

    The check raises JobCancelled for the latter, a BaseException, which must not cross the loop.
    """
    try:
        return is_cancelled()
    except JobCancelled:
        return True


class TaskExited(Exception):
    """``sys.exit`` in a coroutine, as an ordinary exception."""


class CancelledWithin(Exception):
    """The task's own code raised or awaited a CancelledError, though nobody cancelled its job."""

    def __init__(self) -> None:
        super().__init__("The task was cancelled by its own code: its job was not cancelled.")


class JobStopped(Exception):
    """A cancel, as an ordinary exception: a BaseException would stop the loop itself."""
