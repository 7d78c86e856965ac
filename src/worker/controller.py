"""Celery's worker program, with what it does at its start and at its end."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any

from celery import signals
from celery.apps.worker import Worker as StockWorker
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from jobline.files import check_data_dir
from jobline.garbage import freeze_imports
from jobline.startup import one_line_errors
from jobline.worker.prefork import PreforkPool
from jobline.worker.request import held_requests
from jobline.worker.resources import resources_of
from jobline.worker.stop import install_handlers


class Worker(StockWorker):
    """Celery's worker with the pulse thread, and with a planned stop in place of Celery's own."""

    pulse: Any = None

    def on_before_init(self, **options: Any) -> None:
        """Start without the warnings of Celery that do not apply here.

        It warns of root, because of pickle, which no worker here accepts; and of a default of its next major
        version, which is set here.
        """
        warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            super().on_before_init(**options)

    def start(self) -> None:
        """Run until the worker is stopped; end at once where the ledger has another version."""
        resources = resources_of(self.app)
        with one_line_errors():
            check_data_dir(resources.settings.data_dir)
        resources.check_version()
        super().start()

    def on_start(self) -> None:
        """Freeze what is imported by now, tasks included, before the first fork."""
        super().on_start()
        freeze_imports()

    def install_platform_tweaks(self, worker: Any) -> None:
        """Replace Celery's handlers of the signals that stop a worker."""
        super().install_platform_tweaks(worker)
        install_handlers(resources_of(self.app).stop, self._announce_stop)

    def _announce_stop(self, name: str) -> None:
        signals.worker_shutting_down.send(sender=self.hostname, sig=name, how="Warm", exitcode=0)

    def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> None:  # noqa: FBT001, FBT002
        """Stop the steps, once the processes of all jobs that still run have been killed.

        Celery calls this when its event loop has ended, whatever ended it. The pool would wait for these jobs
        without a limit.
        """
        self.consumer.cancel_held()
        super().stop(in_sighandler=in_sighandler, exitcode=exitcode)

    def on_stopped(self) -> None:
        """Release what is left: all steps have stopped, so no pool begins or ends a job any more."""
        super().on_stopped()
        if self.pulse is not None:
            self.pulse.leave()
        if held_requests() and not isinstance(self.pool, PreforkPool):  # their threads still run
            self.end_now()

    def end_now(self) -> None:
        """End this process at once: a thread that runs a job cannot be ended otherwise."""
        if self.pidlock:
            self.pidlock.release()
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(self.exitcode or 0)
