"""arq, with FastAPI in front."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings
from fastapi import FastAPI
from pydantic import BaseModel

SETTINGS = RedisSettings.from_dsn(os.environ["BENCH_REDIS"])


async def noop(_: dict[str, Any], n: int) -> int:
    """Give back what came."""
    return n


async def nap(_: dict[str, Any], n: int) -> int:
    """Wait 50 ms."""
    await asyncio.sleep(0.05)
    return n


class WorkerSettings:
    """Tuned: it looks for jobs each 10 ms (its default is 500 ms)."""

    functions: ClassVar[list[Any]] = [noop, nap]
    redis_settings = SETTINGS
    poll_delay = 0.01
    max_jobs = int(os.environ.get("BENCH_SLOTS", "100"))
    log_results = False


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[None]:
    """Hold the connections."""
    app.state.pool = await create_pool(SETTINGS)
    yield


app = FastAPI(lifespan=live)


@app.post("/jobs", status_code=202)
async def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    job = await app.state.pool.enqueue_job("noop", order.n)
    return {"id": job.job_id}


async def fill(task: str, count: int) -> None:
    """Leave jobs in the queue."""
    pool = await create_pool(SETTINGS)
    for start in range(0, count, 50):
        await asyncio.gather(*(pool.enqueue_job(task, n) for n in range(start, min(start + 50, count))))


async def open_asking() -> Any:  # noqa: ANN401 - the peer's own pool
    """Connect."""
    return await create_pool(SETTINGS)


async def ask(pool: Any) -> None:  # noqa: ANN401
    """Submit one and wait for its result, looking each 10 ms."""
    job = await pool.enqueue_job("noop", 1)
    await job.result(timeout=10, poll_delay=0.01)
