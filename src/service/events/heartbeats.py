"""The heartbeats of all open streams of a process, and their end when the process stops.

One timer serves them all: ten thousand timers would keep the process busy.
"""

from __future__ import annotations

import asyncio
from itertools import cycle

from jobline.service.events.stream import Stream

#: Seconds between two comments to one stream: they keep proxies from closing a silent connection.
HEARTBEAT_EVERY_S = 15.0
#: The streams are divided into this many groups, so that no event waits for ten thousand comments.
GROUPS = 60


class Heartbeats:
    """The open streams, in groups that send their heartbeats one after the other."""

    def __init__(self) -> None:
        self._groups: list[set[Stream]] = [set() for _ in range(GROUPS)]
        self._next_group = cycle(self._groups)
        self._timer: asyncio.Task[None] | None = None

    def add(self, stream: Stream) -> None:
        """Send heartbeats to a stream."""
        next(self._next_group).add(stream)
        if self._timer is None:
            self._timer = asyncio.create_task(self._run())

    def remove(self, stream: Stream) -> None:
        """Send no more heartbeats to a stream."""
        for group in self._groups:
            group.discard(stream)
        if self._timer is not None and not any(self._groups):
            self._timer.cancel()
            self._timer = None

    def end_all(self) -> None:
        """End every stream."""
        for group in self._groups:
            for stream in group:
                stream.end()

    async def _run(self) -> None:
        for group in cycle(self._groups):
            await asyncio.sleep(HEARTBEAT_EVERY_S / GROUPS)
            for stream in tuple(group):
                stream.send_heartbeat()
