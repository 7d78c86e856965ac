"""What the worker's parent does about an attempt whose process is gone, overran, or must stop.

Celery's Request has a method for each; ours end in the ledger by the attempt's fence. Reports are posted to
the pulse's thread, so that the event loop never waits for Redis.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from jobline.worker.failures import conclude
from jobline.worker.outcome import Lost, Outcome, Released
from jobline.worker.ticket import Ticket, ticket_of
from jobline.worker.wiring import wiring_of


class JobRequest(Request):
    """Be Celery's request of one attempt."""

    @property
    def ticket(self) -> Ticket:
        """What the claim gave to this attempt."""
        return ticket_of(self.request_dict)

    def on_failure(
        self,
        exc_info: Any,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002
        return_ok: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Report a dead process to the ledger; leave the rest, which the child settled, to Celery."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, WorkerLostError | Terminated | SystemExit | KeyboardInterrupt):
            state.task_ready(self)
            self.report(Lost())
            self.send_event("task-failed", exception=repr(error), traceback="")
            return
        if not isinstance(error, TimeLimitExceeded):  # on_timeout, which follows, tells the ledger
            super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's own signature
        """End an attempt whose process had to be killed because it would not stop."""
        if soft:
            return
        state.task_ready(self)
        task = wiring_of(self.app).registry.get(self.task.name)
        outcome = conclude(TimeLimitExceeded(timeout), task, self.ticket)
        self.report(outcome)
        self.send_event("task-failed", exception=outcome.failure.message, traceback="")

    def cancel(
        self,
        pool: Any,  # noqa: ARG002 - Celery's own signature
        signal: Any = None,  # noqa: ARG002
        emit_retry: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Hand the attempt back because this worker stops: kill its process, then release it uncounted."""
        self.kill()
        state.task_ready(self)
        self.report(Released())

    def stop(self) -> None:
        """Kill the process of a cancelled attempt that would not stop, and say so to the ledger.

        Call it on the event loop's thread: only there is it sure that the process runs this attempt and no
        later one, for the loop hands a child its next job.
        """
        if self not in state.reserved_requests:
            return
        light = wiring_of(self.app).light
        if light:
            light.cancel(self.id)
        if self.kill():
            self.report(Lost())

    def kill(self) -> bool:
        """Kill the child that runs this attempt; claims that there was one to kill (prefork alone)."""
        pid = self.worker_pid
        if not pid or pid == os.getpid():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def report(self, outcome: Outcome) -> None:
        """Tell the ledger how the attempt ended, without waiting for it."""
        wiring_of(self.app).report(self.ticket, outcome)


def held_requests() -> list[JobRequest]:
    """Return the attempts that this worker holds; callable on any thread."""
    while True:
        try:
            return [request for request in state.reserved_requests if isinstance(request, JobRequest)]
        except RuntimeError:  # the event loop changed the set meanwhile
            continue
