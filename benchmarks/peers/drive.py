"""Drive one peer: ``drive.py MODULE fill TASK COUNT`` or ``drive.py MODULE ask COUNT``.

``ask`` prints the seconds of each submit-to-result, as JSON.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
import time
from typing import Any

WARM_UP = 10


def fill(peer: Any, task: str, count: int) -> None:  # noqa: ANN401 - a module
    """Leave jobs in the peer's queue."""
    outcome = peer.fill(task, count)
    if inspect.isawaitable(outcome):
        asyncio.run(finish(outcome))


async def finish(work: Any) -> None:  # noqa: ANN401
    """Await it."""
    await work


def ask(peer: Any, count: int) -> list[float]:  # noqa: ANN401
    """Measure submit to result, one after the other."""
    if inspect.iscoroutinefunction(peer.ask):
        return asyncio.run(ask_async(peer, count))
    seconds = []
    for _ in range(count + WARM_UP):
        began = time.perf_counter()
        peer.ask()
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP:]


async def ask_async(peer: Any, count: int) -> list[float]:  # noqa: ANN401
    """Measure a peer that is asynchronous."""
    opened = await peer.open_asking()
    seconds = []
    for _ in range(count + WARM_UP):
        began = time.perf_counter()
        await peer.ask(opened)
        seconds.append(time.perf_counter() - began)
    return seconds[WARM_UP:]


def main() -> None:
    """Do what the command line says."""
    module, verb, *words = sys.argv[1:]
    peer = importlib.import_module(module)
    if verb == "fill":
        fill(peer, words[0], int(words[1]))
    else:
        print(json.dumps(ask(peer, int(words[0]))))


if __name__ == "__main__":
    main()
