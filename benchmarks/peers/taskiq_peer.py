"""taskiq with its Redis list, or stream, and its Redis results; with FastAPI in front."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

URL = os.environ["BENCH_REDIS"]
KIND: Any = RedisStreamBroker if os.environ.get("BENCH_TASKIQ") == "stream" else ListQueueBroker

broker = KIND(url=URL).with_result_backend(RedisAsyncResultBackend(redis_url=URL))


@broker.task(task_name="noop")
async def noop(n: int) -> int:
    """Give back what came."""
    return n


@broker.task(task_name="nap")
async def nap(n: int) -> int:
    """Wait 50 ms."""
    await asyncio.sleep(0.05)
    return n


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


@asynccontextmanager
async def live(_: FastAPI) -> AsyncIterator[None]:
    """Hold the connections."""
    await broker.startup()
    yield
    await broker.shutdown()


app = FastAPI(lifespan=live)


@app.post("/jobs", status_code=202)
async def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    return {"id": (await noop.kiq(order.n)).task_id}


async def fill(task: str, count: int) -> None:
    """Leave jobs in the queue."""
    await broker.startup()
    kind: Any = {"noop": noop, "nap": nap}[task]
    for start in range(0, count, 50):
        await asyncio.gather(*(kind.kiq(n) for n in range(start, min(start + 50, count))))


async def open_asking() -> None:
    """Connect."""
    await broker.startup()


async def ask(_: None) -> None:
    """Submit one and wait for its result, looking each 10 ms."""
    await (await noop.kiq(1)).wait_result(check_interval=0.01, timeout=10)
