"""Stock Celery on its stock Redis transport, with the settings that its documentation advises."""

from __future__ import annotations

import os
import time

from celery import Celery, Task

app = Celery("stock", broker=os.environ["STOCK_URL"], backend=os.environ["STOCK_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    task_publish_retry=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_transport_options={
        "visibility_timeout": 10,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 5,
    },
    redis_socket_timeout=10,
    redis_retry_on_timeout=True,
    result_backend_always_retry=True,
)


@app.task(bind=True, name="stock.work")
def work(self: Task, seconds: float) -> int:
    """Sleep."""
    note("start", self.request.id)
    time.sleep(seconds)
    note("end", self.request.id)
    return 1


def note(word: str, job: str) -> None:
    """Append one line of evidence."""
    fd = os.open(os.environ["FAULTS_EVIDENCE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{word} {job} 1 {time.monotonic():.3f} {os.getpid()}\n".encode())
    finally:
        os.close(fd)
