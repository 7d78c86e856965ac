"""All open streams of a process: their signs of life, and their end when the process stops.

One timer serves them all: a timer each, for ten thousand streams, would keep the process busy.
"""

from __future__ import annotations

import asyncio
from itertools import cycle

from jobline.service.events.stream import Stream

#: A comment each so many seconds keeps proxies from closing a silent stream.
BEAT_EVERY_S = 15.0
#: Streams beat in turns, so that nobody's event waits for ten thousand comments.
TURNS = 60


class Beats:
    """Hold the open streams."""

    def __init__(self) -> None:
        self._turns: list[set[Stream]] = [set() for _ in range(TURNS)]
        self._seats = cycle(self._turns)
        self._timer: asyncio.Task[None] | None = None

    def add(self, stream: Stream) -> None:
        """Keep a stream alive."""
        next(self._seats).add(stream)
        if self._timer is None:
            self._timer = asyncio.create_task(self._run())

    def remove(self, stream: Stream) -> None:
        """Forget a stream."""
        for turn in self._turns:
            turn.discard(stream)
        if self._timer is not None and not any(self._turns):
            self._timer.cancel()
            self._timer = None

    def end_all(self) -> None:
        """End every stream, as the process stops."""
        for turn in self._turns:
            for stream in turn:
                stream.end()

    async def _run(self) -> None:
        for turn in cycle(self._turns):
            await asyncio.sleep(BEAT_EVERY_S / TURNS)
            for stream in tuple(turn):
                stream.beat()
