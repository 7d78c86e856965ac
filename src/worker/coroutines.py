"""Run `async def` tasks: one event loop a process, on a thread of its own; many jobs share it.

The caller's thread waits for its coroutine, so Celery's pool counts it as busy; that is what limits how many
run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any

from jobline.domain.errors import JobCancelled

#: How often a waiting coroutine's job is asked whether it is cancelled.
LOOK_EVERY_S = 0.25

_loops: dict[int, asyncio.AbstractEventLoop] = {}
_lock = threading.Lock()


def process_loop() -> asyncio.AbstractEventLoop:
    """Find this process' loop, or start it; a fork starts its own."""
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
    """Wait for a coroutine on the process' loop, and cancel it when its job is.

    Raises TimeoutError after ``timeout_s``, JobCancelled when the job was cancelled and the coroutine
    stopped, and whatever the coroutine raises.
    """
    future = asyncio.run_coroutine_threadsafe(bounded(coroutine, timeout_s, is_cancelled), process_loop())
    try:
        return future.result()
    except CancelledError:
        raise JobCancelled from None
    except BaseException:
        future.cancel()
        raise


async def contained(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run the task's coroutine, and let no exit of it end the loop, which other jobs share."""
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        raise TaskExited(repr(error)) from error


async def bounded(
    coroutine: Coroutine[Any, Any, Any], timeout_s: float, is_cancelled: Callable[[], bool]
) -> Any:
    """Run the task's coroutine beside a look-out for its cancel."""
    running = asyncio.ensure_future(coroutine)
    try:
        async with asyncio.timeout(timeout_s):
            while not running.done():
                await asyncio.wait({running}, timeout=LOOK_EVERY_S)
                if not running.done() and await asyncio.to_thread(saw_cancel, is_cancelled):
                    running.cancel()
                    await asyncio.wait({running})
                    raise JobStopped
    finally:
        running.cancel()
    return running.result()


def saw_cancel(is_cancelled: Callable[[], bool]) -> bool:
    """Ask without letting JobCancelled, which is no Exception, cross the loop."""
    try:
        return is_cancelled()
    except JobCancelled:
        return True


class TaskExited(Exception):
    """Carry ``sys.exit`` of a coroutine over the loop."""


class JobStopped(Exception):
    """Carry a cancel over the loop; a BaseException would stop the loop itself."""
