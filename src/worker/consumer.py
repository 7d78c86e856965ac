"""Celery's consumer, which comes back soon after an outage of Redis."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as StockConsumer

#: Celery waits 2, 4, 6 … 30 s between its tries and has no setting for it, so that after an outage of half a
#: minute new jobs waited 12 s more. One refused connection a second costs nobody anything.
RETRY_EVERY_S = 1.0


class Consumer(StockConsumer):
    """Be the stock consumer, with a steady rhythm of reconnecting."""

    def ensure_connected(self, conn: Any) -> Any:  # noqa: ANN401 - kombu's Connection
        """Try each second until the broker answers."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=RETRY_EVERY_S, interval_step=0, interval_max=RETRY_EVERY_S
        )
        return super().ensure_connected(conn)
