"""SAQ, with FastAPI in front."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from saq import Queue

queue = Queue.from_url(os.environ["BENCH_REDIS"])


async def noop(_: dict[str, Any], *, n: int) -> int:
    """Give back what came."""
    return n


async def nap(_: dict[str, Any], *, n: int) -> int:
    """Wait 50 ms."""
    await asyncio.sleep(0.05)
    return n


settings = {
    "queue": queue,
    "functions": [noop, nap],
    "concurrency": int(os.environ.get("BENCH_SLOTS", "100")),
}


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


@asynccontextmanager
async def live(_: FastAPI) -> AsyncIterator[None]:
    """Hold the connections."""
    await queue.connect()
    yield
    await queue.disconnect()


app = FastAPI(lifespan=live)


@app.post("/jobs", status_code=202)
async def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    job = await queue.enqueue("noop", n=order.n)
    return {"id": job.id if job else ""}


async def fill(task: str, count: int) -> None:
    """Leave jobs in the queue."""
    await queue.connect()
    for start in range(0, count, 50):
        await asyncio.gather(*(queue.enqueue(task, n=n) for n in range(start, min(start + 50, count))))


async def open_asking() -> None:
    """Connect."""
    await queue.connect()


async def ask(_: None) -> None:
    """Submit one and wait for its result."""
    await queue.apply("noop", n=1, timeout=10)
