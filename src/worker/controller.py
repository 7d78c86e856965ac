"""Celery's worker, with what it does at its start and at its end."""

from __future__ import annotations

from typing import Any

from celery.apps.worker import Worker as StockWorker

from jobline.garbage import spare_imports
from jobline.worker.wiring import wiring_of


class Worker(StockWorker):
    """Be the stock worker with a pulse."""

    pulse: Any = None

    def on_start(self) -> None:
        """Spare the collector what is loaded by now, tasks included, ahead of the first fork."""
        super().on_start()
        spare_imports()

    def wait_for_soft_shutdown(self) -> None:
        """Let running jobs end for `worker_soft_shutdown_timeout` seconds at most; not longer than they take.

        Celery calls it in the signal's handler, while its event loop stands still: only the ledger knows what
        still runs. Where the jobs stand still with it, there is nothing to wait for.
        """
        if self.pulse is not None and wiring_of(self.app).light is None:
            self.pulse.wait_idle(self.app.conf.worker_soft_shutdown_timeout)
