"""Dramatiq on Redis, with FastAPI in front; results are kept only where they are asked for."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend
from fastapi import FastAPI
from pydantic import BaseModel

URL = os.environ["BENCH_REDIS"]
HAS_RESULTS = os.environ.get("BENCH_DRAMATIQ") == "results"

broker = RedisBroker(url=URL)
if HAS_RESULTS:
    broker.add_middleware(Results(backend=RedisBackend(url=URL)))
dramatiq.set_broker(broker)


def noop(n: int) -> int | None:
    """Give back what came, where results are kept."""
    return n if HAS_RESULTS else None


actor = dramatiq.actor(noop, store_results=True) if HAS_RESULTS else dramatiq.actor(noop)


class Order(BaseModel):
    """Ask for a no-op."""

    n: int


app = FastAPI()


@app.post("/jobs", status_code=202)
def submit(order: Order) -> dict[str, str]:
    """Send a job."""
    return {"id": actor.send(order.n).message_id}


def fill(_: str, count: int) -> None:
    """Leave jobs in the queue."""
    for n in range(count):
        actor.send(n)


def ask() -> None:
    """Submit one and wait for its result."""
    actor.send(1).get_result(block=True, timeout=10_000)
