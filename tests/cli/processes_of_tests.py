"""Looking at processes, and waiting for what they shall do."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from jobline.cli.supervision.processes import read_stat

DEADLINE_S = 20.0


def is_alive(pid: int) -> bool:
    """Claim that the process runs: a zombie does not."""
    stat = read_stat(pid)
    return bool(stat) and stat[0] != "Z"


def wait_for(claim: Callable[[], object], what: str = "the condition") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE_S} s"
        time.sleep(0.01)


async def wait_in_loop(claim: Callable[[], object], what: str = "the condition") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE_S} s"
        await asyncio.sleep(0.01)


def read_pid(path: Path) -> int:
    """Give the pid that a child wrote, once it has."""
    wait_for(lambda: path.exists() and path.read_text().endswith("\n"), f"{path.name} being written")
    return int(path.read_text())


def environment() -> dict[str, str]:
    """Let a child import what the test imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
