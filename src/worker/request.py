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

from jobline.domain.record import Failure
from jobline.ledger import commands
from jobline.worker.wiring import wiring_of


class JobRequest(Request):
    """Be Celery's request of one attempt."""

    @property
    def attempt(self) -> dict[str, Any]:
        """Give what the claim gave: fence, attempt, max_attempts, timeout_s."""
        found: dict[str, Any] = self.request_dict["jobline"]
        return found

    @property
    def fence(self) -> int:
        """Give the number that lets this attempt write."""
        return int(self.attempt["fence"])

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
            self.post_lost()
            self.send_event("task-failed", exception=repr(error), traceback="")
            return
        if not isinstance(error, TimeLimitExceeded):  # on_timeout, which follows, tells the ledger
            super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: ARG002, FBT001 - Celery's own signature
        """End an attempt whose process had to be killed because it would not stop."""
        if soft:
            return
        state.task_ready(self)
        wiring = wiring_of(self.app)
        number = int(self.attempt["attempt"])
        message = f"The attempt ran past its limit of {self.attempt['timeout_s']} s."
        failure = Failure("timeout", message, retryable=False, attempt=number)
        policy = wiring.registry.get(self.task.name).retry
        if policy.on_timeout and number < int(self.attempt["max_attempts"]):
            delay_ms = int(1000 * policy.delay_s(number))
            wiring.outbox.put(
                commands.attempts.retry(self.id, self.fence, failure, delay_ms, wiring.retention)
            )
        else:
            wiring.outbox.put(commands.attempts.fail(self.id, self.fence, failure, wiring.retention))
        self.send_event("task-failed", exception=failure.message, traceback="")

    def cancel(
        self,
        pool: Any,  # noqa: ARG002 - Celery's own signature
        signal: Any = None,  # noqa: ARG002
        emit_retry: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> None:
        """Hand the attempt back because this worker stops: kill its process, then release it uncounted."""
        self.kill()
        state.task_ready(self)
        wiring = wiring_of(self.app)
        wiring.outbox.put(commands.attempts.release([(self.id, self.fence)], wiring.retention))

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
            self.post_lost()

    def kill(self) -> bool:
        """Kill the child that runs this attempt; claims that there was one to kill (prefork alone)."""
        pid = self.worker_pid
        if not pid or pid == os.getpid():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    def post_lost(self) -> None:
        """Tell the ledger that the process is gone: the next attempt waits, or the job ends."""
        wiring = wiring_of(self.app)
        wiring.outbox.put(commands.attempts.lose(self.id, self.fence, wiring.retention))
