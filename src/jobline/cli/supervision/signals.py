"""How a command that supervises processes ends: by a signal, once gently, twice at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import TypeVar

from jobline.cli.supervision.console import Console

Outcome = TypeVar("Outcome")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_stopped(work: Coroutine[None, None, Outcome], console: Console) -> Outcome | None:
    """Run a coroutine until it ends or a signal ends it, which is a planned end and returns None.

    The first signal cancels it, and its clean-up takes its time; another one cancels the clean-up's waits.
    """

    async def run() -> Outcome | None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, task.cancel)
        console.on_hang_up = task.cancel
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        return None

    try:
        return asyncio.run(run())
    finally:
        console.close()
