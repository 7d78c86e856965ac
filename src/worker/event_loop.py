"""The event loop of Celery's worker, as far as other threads may use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class EventLoop:
    """A handle on the worker's loop; in a client, which has no loop, it does nothing."""

    def __init__(self) -> None:
        self._hub: Any = None

    def attach(self, hub: Any) -> None:
        """Use the hub of the worker that starts."""
        self._hub = hub

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call a function on the loop's thread, and wake the loop for it; callable on any thread."""
        if self._hub is not None:
            self._hub.call_soon(call)

    def wake(self) -> None:
        """Have the loop claim again, because a slot has become free."""
        self.call_soon(do_nothing)


def do_nothing() -> None:
    """Return; what matters is that the loop woke up."""
