"""Celery's worker, which stops as soon as its last job ended instead of sleeping its grace time out."""

from __future__ import annotations

from typing import Any

from celery.apps.worker import Worker as StockWorker


class Worker(StockWorker):
    """Be the stock worker with a pulse."""

    pulse: Any = None

    def wait_for_soft_shutdown(self) -> None:
        """Let running jobs end for `worker_soft_shutdown_timeout` seconds at most.

        Celery calls it in the signal's handler, while its event loop stands still: only the ledger knows what
        still runs.
        """
        if self.pulse is not None:
            self.pulse.wait_idle(self.app.conf.worker_soft_shutdown_timeout)
