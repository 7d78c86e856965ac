"""Reports on their way from the event loop to the ledger; the pulse sends them: the loop never waits."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event
from typing import Any

from jobline.ledger.commands.command import Command


class Outbox:
    """Hold the event loop's reports until the pulse sends them; first in, first out."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._first: list[Any] = []
        self._came = Event()

    def put(self, command: Command[Any]) -> None:
        """Leave a report; never waits."""
        self._queue.put(command)
        self._came.set()

    def wait(self, patience_s: float) -> None:
        """Sleep until a report comes, at most ``patience_s``."""
        self._came.wait(patience_s)
        self._came.clear()

    def put_back(self, command: Command[Any]) -> None:
        """Return what could not be sent to the front; only the pulse takes, so the order holds."""
        self._first.append(command)

    def get(self) -> Command[Any]:
        """Take the oldest report; raises queue.Empty."""
        command: Command[Any] = self._first.pop() if self._first else self._queue.get_nowait()
        return command
