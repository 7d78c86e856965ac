"""One attempt, top to bottom: validate, run, check the result, publish its artifacts. Decides how it ended.

Celery's tracer calls `perform`; what it returns or raises is settled by the backend.
"""

from __future__ import annotations

import logging
import signal
import time
from typing import Any

from pydantic import ValidationError

from jobline import JobContext
from jobline.domain.errors import JobCancelled, TaskError
from jobline.domain.result import check_result
from jobline.domain.task import Task
from jobline.worker.attempt import Attempt, LightAttempt
from jobline.worker.coroutines import JobStopped, contained, run_coroutine
from jobline.worker.failures import conclude
from jobline.worker.outcome import Cancelled, Failed, RetryLater, Succeeded
from jobline.worker.ticket import Ticket
from jobline.worker.wiring import Wiring

logger = logging.getLogger(__name__)


def perform(
    task: Task[Any, Any], text: str, ticket: Ticket, wiring: Wiring
) -> Succeeded | Failed | RetryLater | Cancelled:
    """Run one attempt of ``task`` on its input (JSON), and return how it ended.

    Raises SystemExit when the pool ends this process; its parent then reports the attempt.
    """
    try:
        with open_attempt(task, ticket, wiring) as port:
            job = JobContext(ticket.job_id, ticket.attempt, ticket.max_attempts, port)
            value = call(task, read_input(task, text), job, port, ticket.timeout_s, wiring)
            if job.observed_cancel:  # the code knows that it was cancelled, so its result is not one
                return Cancelled()
            _, content = check_result(task, value, wiring.settings.max_result_bytes)
            return Succeeded(content, port.publish())
    except (JobCancelled, JobStopped):
        return Cancelled()
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and is_told_to_exit(error):
            raise
        outcome = conclude(error, task, ticket)
        if outcome.failure.code == "internal":
            logger.warning(
                "Job %s: attempt %d of task %s raised an unexpected error.",
                ticket.job_id,
                ticket.attempt,
                task.name,
                exc_info=error,
            )
        return outcome


def read_input(task: Task[Any, Any], text: str) -> Any:
    """Validate the stored input; it was valid as it was submitted, so a failure means a changed task."""
    try:
        return task.read_stored_input(text)
    except ValidationError as error:
        raise TaskError(
            "input.invalid", f"The stored input does not fit the task any more: {error}"
        ) from None


def open_attempt(task: Task[Any, Any], ticket: Ticket, wiring: Wiring) -> Attempt:
    """Make the task's way to the ledger and to its files; a coroutine's never keeps its loop waiting."""
    settings = wiring.settings
    parts = (ticket.job_id, ticket.fence, settings.lease_ms, settings.data_dir, wiring.recorder)
    light = wiring.light
    return LightAttempt(light, *parts) if task.is_async and light and light.is_inside() else Attempt(*parts)


def call(
    task: Task[Any, Any],
    order: Any,
    job: JobContext,
    port: Attempt,
    timeout_s: float,
    wiring: Wiring,
) -> Any:
    """Call the task's function, with the context if it wants it, on a loop if it is a coroutine."""
    arguments = (order, job) if task.takes_context else (order,)
    if not task.is_async:
        began = time.monotonic()
        try:
            return task.function(*arguments)
        finally:
            if wiring.light:
                wiring.light.typical.learn(task.name, time.monotonic() - began)
    coroutine = contained(task.function(*arguments))
    if wiring.light and wiring.light.is_inside():
        return wiring.light.run(job.id, coroutine, timeout_s)
    return run_coroutine(coroutine, timeout_s, port.is_cancelled)


def is_told_to_exit(error: SystemExit) -> bool:
    """Claim that the pool ends this process, by a signal, rather than the task by ``sys.exit``.

    billiard's handler exits with ``signal number - 256``; what its parent knows of the attempt then goes to
    the ledger from there.
    """
    return isinstance(error.code, int) and -256 < error.code < -256 + signal.NSIG  # noqa: PLR2004
