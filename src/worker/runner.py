"""One attempt, top to bottom: validate the input, run the task, check the result, publish the artifacts.

Celery's tracer calls `perform` through the task that `app` registers.
"""

from __future__ import annotations

import inspect
import logging
import signal
import time
from typing import Any

from pydantic import ValidationError

from jobline import JobContext
from jobline.domain.errors import JobCancelled, TaskError
from jobline.domain.input_json import field_errors, join_errors
from jobline.domain.result import check_result
from jobline.domain.task import Task
from jobline.worker.attempt import Attempt, LightAttempt
from jobline.worker.coroutines import JobStopped, contain_exit, run_coroutine
from jobline.worker.failures import conclude
from jobline.worker.outcome import Cancelled, Failed, RetryLater, Succeeded
from jobline.worker.resources import Resources
from jobline.worker.ticket import Ticket

logger = logging.getLogger(__name__)


def perform(
    task: Task[Any, Any], text: str, ticket: Ticket, resources: Resources
) -> Succeeded | Failed | RetryLater | Cancelled:
    """Run one attempt of ``task`` on its input (JSON); return how it ended.

    Raises SystemExit when the pool ends this process; its parent then reports the attempt.
    """
    try:
        with open_attempt(task, ticket, resources) as port:
            job = JobContext(ticket.job_id, ticket.attempt, ticket.max_attempts, port)
            value = call(task, read_input(task, text), job, port, ticket.timeout_s, resources)
            if job.observed_cancel:  # the code stopped early, so what it returned is no result
                return Cancelled()
            _, content = check_result(task, value, resources.settings.max_result_bytes)
            return Succeeded(content, port.publish())
    except (JobCancelled, JobStopped):
        return Cancelled()
    except BaseException as error:  # whatever a task raises: an attempt without an end would hold its slot
        if is_end_of_pool(error, resources):
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
    """Return the validated input; it was valid when submitted, so an error means that a check changed."""
    try:
        return task.read_stored_input(text)
    except ValidationError as error:
        detail = join_errors(field_errors(error))
        raise TaskError("input.invalid", f"The stored input does not fit the task: {detail}") from None


def open_attempt(task: Task[Any, Any], ticket: Ticket, resources: Resources) -> Attempt:
    """Return the port for a task's context; that of a coroutine never blocks its loop."""
    settings = resources.settings
    parts = (ticket.job_id, ticket.fence, settings.lease_ms, settings.data_dir, resources.recorder)
    light = resources.light
    return LightAttempt(light, *parts) if task.is_async and light and light.is_inside() else Attempt(*parts)


def call(
    task: Task[Any, Any],
    order: Any,
    job: JobContext,
    port: Attempt,
    timeout_s: float,
    resources: Resources,
) -> Any:
    """Call the task's function, with the context if it takes one, on a loop if it is a coroutine.

    A plain function may return a coroutine: a decorator of the user's may wrap an ``async def``.
    """
    arguments = (order, job) if task.takes_context else (order,)
    if not task.is_async:
        began = time.monotonic()
        try:
            if resources.light and resources.light.is_inside():
                made = resources.light.call(task.function, *arguments)
            else:
                made = task.function(*arguments)
        finally:
            if resources.light:
                resources.light.run_times.add(task.name, time.monotonic() - began)
        if not inspect.iscoroutine(made):
            return made
    else:
        made = task.function(*arguments)
    coroutine = contain_exit(made)
    if resources.light and resources.light.is_inside():
        return resources.light.run(job.id, coroutine, timeout_s)
    return run_coroutine(coroutine, timeout_s, port.is_cancelled)


def is_end_of_pool(error: BaseException, resources: Resources) -> bool:
    """Return whether the pool ends, rather than the task, as with ``sys.exit``.

    billiard's signal handler exits with ``signal number - 256``.
    """
    if isinstance(error, SystemExit):
        return isinstance(error.code, int) and -256 < error.code < -256 + signal.NSIG  # noqa: PLR2004
    return bool(resources.light and resources.light.is_ending(error))
