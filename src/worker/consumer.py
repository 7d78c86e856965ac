"""Celery's consumer, which keeps the pool's attempts over a lost connection and soon reconnects."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker import state
from celery.worker.consumer import Consumer as StockConsumer

from jobline.worker.prefork import PreforkPool
from jobline.worker.request import held_requests
from jobline.worker.resources import resources_of

#: Celery waits 2, 4, 6 … 30 s between its tries and has no setting for it, so after an outage of half a
#: minute new jobs waited another 12 s. One refused connection a second costs little.
RETRY_EVERY_S = 1.0


class Consumer(StockConsumer):
    """Celery's consumer with a steady rhythm of reconnecting; an attempt outlives its connection."""

    def on_close(self) -> None:
        """Keep the attempts that the pool still has, and release those that it dropped.

        Called when the connection is lost and when the worker stops. Celery forgets here every attempt that
        the pool has not confirmed. But only prefork drops those: threads and coroutines run them all the
        same.
        """
        held = held_requests()
        super().on_close()
        kept = self.pool.jobs() if isinstance(self.pool, PreforkPool) else {request.id for request in held}
        for request in held:
            if request.id in kept:
                state.task_reserved(request)
        resources_of(self.app).release([request.ticket for request in held if request.id not in kept])

    def cancel_held(self) -> None:
        """Kill and release every attempt that still runs in a process of its own: this worker ends."""
        if isinstance(self.pool, PreforkPool):
            for request in held_requests():
                request.cancel(self.pool)

    def ensure_connected(self, conn: Any) -> Any:
        """Try each second until the broker answers, then check the version of the ledger again."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=RETRY_EVERY_S, interval_step=0, interval_max=RETRY_EVERY_S
        )
        connected = super().ensure_connected(conn)
        resources_of(self.app).check_version()
        return connected
