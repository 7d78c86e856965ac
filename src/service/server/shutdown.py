"""The start of a shutdown, announced to everything that keeps requests open: waits and event streams.

uvicorn waits for open requests before it stops, and those wait for events. So it must end them first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Shutdown:
    """Callbacks that run once the process begins to stop."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.has_begun = False

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` in the event loop when the shutdown begins."""
        self._callbacks.append(callback)

    def bind(self) -> None:
        """Remember the running event loop, in which the callbacks will run."""
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        """Run the callbacks. May be called from a signal handler or from another thread."""
        self.has_begun = True
        if self._loop is not None and not self._loop.is_closed():
            for callback in self._callbacks:
                self._loop.call_soon_threadsafe(callback)
