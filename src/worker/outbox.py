"""Reports on their way from the event loop, which must not wait for Redis, to the pulse, which sends them."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event
from typing import Any

from jobline.ledger.commands.command import Command


class Outbox:
    """A queue of commands, first in, first out; any thread may put, the pulse alone gets."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Command[Any]] = SimpleQueue()
        self._returned: list[Command[Any]] = []
        self._has_new = Event()

    @property
    def is_empty(self) -> bool:
        """Whether every command was sent."""
        return not self._returned and self._queue.empty()

    def put(self, command: Command[Any]) -> None:
        """Add a command; never blocks."""
        self._queue.put(command)
        self._has_new.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until a command is put, for at most ``timeout_s``."""
        self._has_new.wait(timeout_s)
        self._has_new.clear()

    def get(self) -> Command[Any]:
        """Remove and return the oldest command; raises queue.Empty."""
        return self._returned.pop() if self._returned else self._queue.get_nowait()

    def put_back(self, command: Command[Any]) -> None:
        """Return to the front the command that `get` returned last, because it could not be sent."""
        self._returned.append(command)
