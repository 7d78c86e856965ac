"""Celery's worker program, with what it does at its start and at its end."""

from __future__ import annotations

from typing import Any

from celery.apps.worker import Worker as StockWorker

from jobline.garbage import freeze_imports
from jobline.worker.resources import resources_of


class Worker(StockWorker):
    """Celery's worker with the pulse thread."""

    pulse: Any = None

    def start(self) -> None:
        """Run until the worker is stopped; end at once where the ledger has another version."""
        resources_of(self.app).check_version()
        super().start()

    def on_start(self) -> None:
        """Freeze what is imported by now, tasks included, before the first fork."""
        super().on_start()
        freeze_imports()

    def wait_for_soft_shutdown(self) -> None:
        """Wait until the running jobs have ended, for at most `worker_soft_shutdown_timeout` seconds.

        Celery calls this in the signal's handler, while its event loop stands still, so only the ledger knows
        what still runs. The jobs of the light pool stand still too: there is nothing to wait for.
        """
        if self.pulse is not None and resources_of(self.app).light is None:
            self.pulse.wait_idle(self.app.conf.worker_soft_shutdown_timeout)
