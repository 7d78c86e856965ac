"""Wait for a condition with a deadline: in a thread, or on an event loop. No test sleeps for an effect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.02
DEADLINE_S = 30.0


def wait_until(
    condition: Callable[[], object], within_s: float = DEADLINE_S, what: str = "the condition holds"
) -> float:
    """Wait for a condition; return the seconds that it took. Raises AssertionError after ``within_s``."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within_s, f"not within {within_s:g} s: {what}"
        time.sleep(LOOK_S)
    return time.monotonic() - start


async def until(
    condition: Callable[[], object], within_s: float = DEADLINE_S, what: str = "the condition holds"
) -> None:
    """Wait for a condition on the event loop. Raises AssertionError after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.01)


async def ask_until(
    ask: Callable[[], Awaitable[T]], accepts: Callable[[T], bool], within_s: float = DEADLINE_S
) -> T:
    """Ask until the answer is accepted, and return it. Raises AssertionError after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not accepts(answer := await ask()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {answer}"
        await asyncio.sleep(LOOK_S)
    return answer
