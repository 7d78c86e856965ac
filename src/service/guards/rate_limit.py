"""The rate limit of each key, shared by all processes, without waiting for Redis.

A process admits requests by what it knows: the count that Redis last returned, plus its own requests since
then. It reports those to Redis in the same pipeline as the requests' own commands, every `REPORT_EVERY_S` at
most. So the hot path stays at one round trip, and several processes exceed the limit together by no more than
what arrives within that time. Only a key's first request in a process waits for the count.

The package `limits` would need a round trip of its own ahead of each request, on its own connection.
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

REPORT_EVERY_S = 0.01
#: Bound of the memory: strangers may have many addresses.
MAX_CALLERS = 10_000
#: The name of the only policy, in the RateLimit fields.
POLICY = "default"


@dataclass(slots=True)
class Window:
    """The time window of one caller: ``count`` is Redis's, ``unreported`` are the requests since then."""

    ends: float
    count: int = 0
    unreported: int = 0
    is_known: bool = False
    reporter: asyncio.Task[None] | None = None


class RateLimiter:
    """Counts requests, and refuses those above the limit."""

    def __init__(self, store: Store, rate: Rate) -> None:
        self._store = store
        self._rate = rate
        self._windows: dict[str, Window] = {}
        #: draft-ietf-httpapi-ratelimit-headers-10, section 3.
        self.policy = f'"{POLICY}";q={rate.requests};w={rate.window_s}'.encode()

    async def admit(self, caller: str) -> bytes:
        """Count a request and return its ``RateLimit`` field; raises RateLimited, or LedgerUnavailable."""
        now = time.monotonic()
        window = self._windows.get(caller)
        if window is None:
            if len(self._windows) >= MAX_CALLERS:
                self._forget_some(now)
            window = self._windows[caller] = Window(now + self._rate.window_s)
        if not window.is_known:
            counted = await self._report(caller, window, 0)
            window.is_known, now = True, counted
        if now >= window.ends:
            window.count, window.ends = 0, now + self._rate.window_s
        used = window.count + window.unreported
        if used >= self._rate.requests:
            raise RateLimited(
                f"The limit is {self._rate.requests:,} requests in {self._rate.window_s} s for each key.",
                retry_after_s=max(1, math.ceil(window.ends - now)),
            )
        window.unreported += 1
        if window.reporter is None:
            window.reporter = asyncio.create_task(self._report_all(caller, window))
        return self._write(self._rate.requests - used - 1, window.ends - now)

    def describe(self, caller: str) -> bytes:
        """Return the ``RateLimit`` field for a refused request."""
        window = self._windows.get(caller)
        return self._write(0, window.ends - time.monotonic() if window else self._rate.window_s)

    def _write(self, left: int, reset_s: float) -> bytes:
        return f'"{POLICY}";r={left};t={max(0, math.ceil(reset_s))}'.encode()

    def _forget_some(self, now: float) -> None:
        """Drop windows that are over, or all: Redis has their counts, but for what was not yet reported."""
        kept = {caller: window for caller, window in self._windows.items() if now < window.ends}
        self._windows = kept if len(kept) < MAX_CALLERS else {}

    async def _report_all(self, caller: str, window: Window) -> None:
        """Report to Redis until there is nothing left to report."""
        try:
            while window.unreported:
                await self._report(caller, window, window.unreported)
                await asyncio.sleep(REPORT_EVERY_S)
        except LedgerUnavailable:
            pass  # unreported requests stay counted here, and are reported with the next request
        finally:
            window.reporter = None

    async def _report(self, caller: str, window: Window, requests: int) -> float:
        counted = await self._store.run(
            commands.access.count_requests(caller, requests, self._rate.window_s * 1000)
        )
        now = time.monotonic()
        window.count, window.ends = counted.count, now + counted.left_ms / 1000
        window.unreported -= requests
        return now
