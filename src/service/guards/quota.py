"""Count the requests of each key in a window of time that all processes share, without waiting for Redis.

A process admits a request by what it knows: the count that Redis last told, and its own requests since. It
tells Redis of those beside the requests' own commands, in the same pipeline, a few times in `TELL_EVERY_S`
at most. So the hot path stays one round trip, and several processes together admit no more above the limit
than they do in that time. Only a key's first request in a process waits for the count.

The package `limits` counts in a round trip of its own, ahead of each request, on a connection of its own.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.rate import Rate
from jobline.ledger import commands
from jobline.ledger.store import Store
from jobline.service.answers.refusals import RateLimited

TELL_EVERY_S = 0.01
#: The name of the one policy, in the fields of RateLimit.
POLICY = "default"


@dataclass(slots=True)
class Window:
    """Hold what a process knows of one caller: ``count`` as Redis told it, ``mine`` not told yet."""

    ends: float
    count: int = 0
    mine: int = 0
    is_known: bool = False
    teller: asyncio.Task[None] | None = None


class Quota:
    """Admit or refuse requests, and describe where a caller stands."""

    def __init__(self, store: Store, rate: Rate) -> None:
        self._store = store
        self._rate = rate
        self._windows: dict[str, Window] = {}
        #: draft-ietf-httpapi-ratelimit-headers-10, section 3.
        self.policy = f'"{POLICY}";q={rate.requests};w={rate.window_s}'.encode()

    async def admit(self, caller: str) -> bytes:
        """Count a request and give the field ``RateLimit``; raises RateLimited, or LedgerUnavailable."""
        now = time.monotonic()
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = Window(now + self._rate.window_s)
        if not window.is_known:
            counted = await self._tell(caller, window, 0)
            window.is_known, now = True, counted
        if now >= window.ends:
            window.count, window.ends = 0, now + self._rate.window_s
        used = window.count + window.mine
        if used >= self._rate.requests:
            raise RateLimited(
                f"This key may make {self._rate.requests:,} requests in {self._rate.window_s} s.",
                retry_after_s=max(1, math.ceil(window.ends - now)),
            )
        window.mine += 1
        if window.teller is None:
            window.teller = asyncio.create_task(self._tell_all(caller, window))
        return self._write(self._rate.requests - used - 1, window.ends - now)

    def describe(self, caller: str) -> bytes:
        """Give the field ``RateLimit`` for a caller that was refused."""
        window = self._windows[caller]
        return self._write(0, window.ends - time.monotonic())

    def _write(self, left: int, reset_s: float) -> bytes:
        return f'"{POLICY}";r={left};t={max(0, math.ceil(reset_s))}'.encode()

    async def _tell_all(self, caller: str, window: Window) -> None:
        """Tell Redis of this process's requests until there are none left to tell."""
        try:
            while window.mine:
                await self._tell(caller, window, window.mine)
                await asyncio.sleep(TELL_EVERY_S)
        except LedgerUnavailable:
            pass  # what was not told stays counted here, and goes out with the next request
        finally:
            window.teller = None

    async def _tell(self, caller: str, window: Window, mine: int) -> float:
        counted = await self._store.run(
            commands.access.count_requests(caller, mine, self._rate.window_s * 1000)
        )
        now = time.monotonic()
        window.count, window.ends = counted.count, now + counted.left_ms / 1000
        window.mine -= mine
        return now
