"""RQ, with FastAPI in front."""

import os

from fastapi import FastAPI
from pydantic import BaseModel
from redis import Redis
from rq import Queue
from rq_jobs import noop

queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS"]))


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


app = FastAPI()


@app.post("/jobs", status_code=202)
def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    return {"id": queue.enqueue(noop, order.n).id}


def fill(_: str, count: int) -> None:
    """Leave jobs in the queue."""
    for start in range(0, count, 500):
        ready = [Queue.prepare_data(noop, args=(n,)) for n in range(start, min(start + 500, count))]
        queue.enqueue_many(ready)


def ask() -> None:
    """Submit one and wait for its result."""
    queue.enqueue(noop, 1).latest_result(timeout=10)
