"""Huey on Redis, with FastAPI in front."""

import os

from fastapi import FastAPI
from huey import RedisHuey
from pydantic import BaseModel

huey = RedisHuey("bench", url=os.environ["BENCH_REDIS"])


@huey.task()
def noop(n: int) -> int:
    """Give back what came."""
    return n


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


app = FastAPI()


@app.post("/jobs", status_code=202)
def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    return {"id": noop(order.n).id}


def fill(_: str, count: int) -> None:
    """Leave jobs in the queue."""
    for n in range(count):
        noop(n)


def ask() -> None:
    """Submit one and wait for its result."""
    noop(1).get(blocking=True, timeout=10, backoff=1.0, max_delay=0.01)
