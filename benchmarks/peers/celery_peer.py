"""Stock Celery on its Redis transport: default, or with the guarantees nearest to Jobline's."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery

URL = os.environ["BENCH_REDIS"]
#: Late acknowledgement and a started state: what Jobline's lease and record give always.
IS_LATE = os.environ.get("BENCH_CELERY") == "late"

app = Celery("bench", broker=URL, backend=URL)
app.conf.update(task_acks_late=IS_LATE, task_track_started=IS_LATE, worker_hijack_root_logger=False)


@app.task(name="bench.noop")
def noop(n: int) -> int:
    """Give back what came."""
    return n


@app.task(name="bench.nap")
def nap(n: int) -> int:
    """Wait 50 ms."""
    time.sleep(0.05)
    return n


def fill(task: str, count: int) -> None:
    """Leave jobs in the queue."""
    kind: Any = {"noop": noop, "nap": nap}[task]
    with app.pool.acquire(block=True) as connection, app.amqp.Producer(connection) as producer:
        for n in range(count):
            kind.apply_async((n,), producer=producer)


def ask() -> None:
    """Submit one and wait for its result."""
    noop.delay(1).get(timeout=10)
