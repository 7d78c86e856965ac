"""What the worker's parent does about an attempt whose process died, ran past its time limit, or must stop.

Celery's Request has a method for each; here each ends in a report to the ledger. Reports go through the
outbox, so the event loop never waits for Redis.
"""

from __future__ import annotations

import os
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from jobline.worker.failures import conclude
from jobline.worker.outcome import Lost, Outcome, Released
from jobline.worker.process_tree import kill_tree
from jobline.worker.resources import resources_of
from jobline.worker.ticket import Ticket, ticket_of


class JobRequest(Request):
    """Celery's request of one attempt."""

    #: Whether this worker stops and will not let the attempt end.
    is_stopped = False

    @property
    def ticket(self) -> Ticket:
        """What the claim gave to this attempt."""
        return ticket_of(self.request_dict)

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - Celery's own signature
        """Return what ``inspect active`` shows, without an input that may hold secrets."""
        task = resources_of(self.app).registry.tasks.get(self.task.name)
        shown: dict[str, Any] = super().info(safe=safe or (task is not None and task.hides_input))
        return shown

    def on_failure(
        self,
        exc_info: Any,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002 - Celery's own signature
        return_ok: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        """Report a dead process to the ledger; the child has reported every other failure."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, WorkerLostError | Terminated | SystemExit | KeyboardInterrupt):
            state.task_ready(self)
            self.report(Lost())
            self.send_event("task-failed", exception=repr(error), traceback="")
            return
        if not isinstance(error, TimeLimitExceeded):  # Celery calls on_timeout next, which reports it
            super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's own signature
        """Report an attempt whose process was killed because it did not stop at its time limit."""
        if soft:
            return
        self.kill()  # the pool would kill the child alone
        state.task_ready(self)
        task = resources_of(self.app).registry.get(self.task.name)
        outcome = conclude(TimeLimitExceeded(timeout), task, self.ticket)
        self.report(outcome)
        self.send_event("task-failed", exception=outcome.failure.message, traceback="")

    def cancel(
        self,
        pool: Any,  # noqa: ARG002 - Celery's own signature
        signal: Any = None,  # noqa: ARG002
        emit_retry: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Kill the attempt's process because this worker stops, and release the attempt.

        A child that has not confirmed the job yet is killed when it does. An attempt that cannot be killed is
        released by the end of the worker, which ends it, too.
        """
        self.is_stopped = True
        if self.kill():
            state.task_ready(self)
            self.report(Released())

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note which child runs the attempt."""
        super().on_accepted(pid, time_accepted)
        if self.is_stopped:
            self.cancel(None)

    def stop(self) -> None:
        """Kill the process of a cancelled attempt that did not stop by itself, and report it as lost.

        Call it on the event loop's thread. The loop gives a child its next job, so only there it is certain
        that the process runs this attempt and no later one.
        """
        if self not in state.reserved_requests:
            return
        light = resources_of(self.app).light
        if light:
            light.cancel(self.id)
        if self.kill():
            self.report(Lost())

    def kill(self) -> bool:
        """Kill the child that runs this attempt, and what it has started.

        Return False where no child does (all pools but prefork).
        """
        pid = self.worker_pid
        if not pid or pid == os.getpid():
            return False
        kill_tree(pid)
        return True

    def report(self, outcome: Outcome) -> None:
        """Report to the ledger how the attempt ended, without waiting for it."""
        resources_of(self.app).report(self.ticket, outcome)


def held_requests() -> list[JobRequest]:
    """Return the attempts that this worker holds; callable on any thread."""
    while True:
        try:
            return [request for request in state.reserved_requests if isinstance(request, JobRequest)]
        except RuntimeError:  # the event loop changed the set meanwhile
            continue
