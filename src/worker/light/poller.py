"""Celery's event loop and an asyncio loop on one thread, by turns.

Celery's hub waits in its poller. This poller waits in the asyncio loop instead. The loop watches the hub's
own poller as one more file; when that is ready, the loop stops and the hub goes on.

Private names used, and only here: ``_epoll`` or ``_kqueue`` of kombu's pollers, for their descriptor.
``tests/worker/light/test_poller.py`` fails when one is renamed.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from jobline.domain.errors import SettingsError

#: The hub's longest wait. Celery acts on a signal only between two waits.
LONGEST_S = 0.25


class HubPoller(Protocol):
    """The interface of kombu's pollers."""

    def register(self, fd: Any, events: int) -> Any:
        """Watch a file: a descriptor, or an object with ``fileno()``."""

    def unregister(self, fd: Any) -> None:
        """Stop watching a file."""

    def poll(self, timeout: float | None) -> Any:
        """Return what is ready, after at most ``timeout`` seconds."""

    def close(self) -> None:
        """Close the poller."""


class SharedPoller:
    """A hub's poller that runs an asyncio loop while the hub has nothing to do."""

    def __init__(self, inner: HubPoller, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._descriptor = descriptor(inner)
        self.register = inner.register
        self.unregister = inner.unregister
        loop.add_reader(self._descriptor, loop.stop)

    def poll(self, timeout: float | None) -> Any:
        """Run the loop for at least one turn, until the hub has something to do or the time is over."""
        wait_s = LONGEST_S if timeout is None else min(max(0.0, timeout), LONGEST_S)
        alarm = self._loop.call_later(wait_s, self._loop.stop)
        self._loop.run_forever()
        alarm.cancel()
        return self._inner.poll(0)

    def close(self) -> None:
        """Close the hub's poller; the loop stays open for its pool."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._inner.close()


def descriptor(poller: HubPoller) -> int:
    """Return the descriptor that is ready when any of the poller's files is; raises SettingsError."""
    for name in ("_epoll", "_kqueue"):
        if (found := getattr(poller, name, None)) is not None:
            return int(found.fileno())
    raise SettingsError("the light pool needs epoll or kqueue, which this system lacks: use --pool threads")
