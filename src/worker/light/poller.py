"""Let Celery's event loop and an asyncio loop take turns on one thread.

Celery's hub waits in its poller. This one waits in the asyncio loop instead, which watches the hub's own
poller as one more file: what is ready there stops the loop, and the hub goes on.

Private names used, and only here: ``_epoll`` or ``_kqueue`` of kombu's pollers, for their descriptor. A test
fails when they are renamed.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from jobline.domain.errors import SettingsError

#: The hub comes round so often at least: only then does Celery look whether a signal has told it to end.
LONGEST_S = 0.25


class HubPoller(Protocol):
    """Say what kombu's pollers do."""

    def register(self, fd: Any, events: int) -> Any:
        """Watch a file."""

    def unregister(self, fd: Any) -> None:
        """Forget a file."""

    def poll(self, timeout: float | None) -> Any:
        """Wait, at most ``timeout`` seconds; give what is ready."""

    def close(self) -> None:
        """Let go."""


class SharedPoller:
    """Be a hub's poller that runs an asyncio loop while the hub has nothing to do."""

    def __init__(self, inner: HubPoller, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop
        self._descriptor = descriptor(inner)
        self.register = inner.register
        self.unregister = inner.unregister
        loop.add_reader(self._descriptor, loop.stop)

    def poll(self, timeout: float | None) -> Any:
        """Run the loop for a turn, and until the hub has something to do or the time is over."""
        wait_s = LONGEST_S if timeout is None else min(max(0.0, timeout), LONGEST_S)
        alarm = self._loop.call_later(wait_s, self._loop.stop)
        self._loop.run_forever()
        alarm.cancel()
        return self._inner.poll(0)

    def close(self) -> None:
        """Let go of the hub's files; the loop stays, unless its pool has closed it."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
        self._inner.close()


def descriptor(poller: HubPoller) -> int:
    """Find the descriptor that is ready when anything of the poller's is; raises SettingsError if none is."""
    for name in ("_epoll", "_kqueue"):
        if (found := getattr(poller, name, None)) is not None:
            return int(found.fileno())
    raise SettingsError("the light pool needs epoll or kqueue, which this system lacks: use --pool threads")
