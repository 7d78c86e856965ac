"""One attempt, top to bottom: validate, run, check the result, publish its artifacts. Decides how it ended.

Celery's tracer calls `perform`; what it returns or raises is settled by the backend.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import time
import traceback
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from pydantic import ValidationError
from pydantic_core import to_json

from jobline import JobContext
from jobline.domain.errors import JobCancelled, TaskError
from jobline.domain.record import Failure
from jobline.domain.task import Task
from jobline.worker.attempt import Attempt, LightAttempt
from jobline.worker.coroutines import JobStopped, contained, run_coroutine
from jobline.worker.outcome import Again, Failed, Outcome
from jobline.worker.wiring import Wiring

logger = logging.getLogger(__name__)

#: A stored traceback keeps its newest frames and at most this many characters.
TRACEBACK_FRAMES = 20
TRACEBACK_CHARACTERS = 8_000
MESSAGE_CHARACTERS = 2_000


def perform(task: Task[Any, Any], text: str, job_id: str, attempt: dict[str, Any], wiring: Wiring) -> Outcome:
    """Run one attempt of ``task`` on its input (JSON).

    ``attempt`` is what the claim gave: fence, attempt, max_attempts, timeout_s. Raises Failed, Again when
    another attempt is due, and JobCancelled when the code stopped because its job was cancelled.
    """
    number, limit, fence = int(attempt["attempt"]), int(attempt["max_attempts"]), int(attempt["fence"])
    settings = wiring.settings
    try:
        with open_attempt(task, job_id, fence, wiring) as port:
            job = JobContext(job_id, number, limit, port)
            order = read_input(task, text)
            value = call(task, order, job, port, float(attempt["timeout_s"]), wiring)
            stop_if_observed(job)
            content = check_result(task, value, settings.max_result_bytes)
            return Outcome(content, port.publish())
    except (JobCancelled, JobStopped):
        raise JobCancelled from None
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and is_told_to_exit(error):
            raise
        failure = describe(error, number)
        if failure.code == "internal":
            logger.warning("job %s: attempt %d of %s failed", job_id, number, task.name, exc_info=error)
        if number < limit and task.retry.allows(as_cause(error)):
            raise Again(failure, delay_ms(task, error, number)) from None
        raise Failed(failure) from None


def read_input(task: Task[Any, Any], text: str) -> Any:
    """Validate the stored input; it was valid as it was submitted, so a failure means a changed task."""
    try:
        return task.read_stored_input(text)
    except ValidationError as error:
        raise TaskError(
            "input.invalid", f"The stored input does not fit the task any more: {error}"
        ) from None


def open_attempt(task: Task[Any, Any], job_id: str, fence: int, wiring: Wiring) -> Attempt:
    """Make the task's way to the ledger and to its files; a coroutine's never keeps its loop waiting."""
    settings = wiring.settings
    parts = (job_id, fence, settings.lease_ms, settings.data_dir, wiring.recorder)
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


def stop_if_observed(job: JobContext) -> None:
    """Drop what a task returned after it had seen the cancel."""
    if job.observed_cancel:
        raise JobCancelled


def check_result(task: Task[Any, Any], value: object, limit_bytes: int) -> bytes:
    """Write the result as JSON; raises TaskError when it is not as declared, no JSON, or too large."""
    try:
        result = task.result_adapter.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'result'}: {part['msg']}"
            for part in error.errors(include_input=False, include_url=False)
        )
        raise TaskError("result.invalid", f"The result is no {task.result.__name__}: {wrong}") from None
    try:
        plain = task.result_adapter.dump_python(result, mode="json")
        content = write_json(plain)
    except (ValueError, TypeError) as error:
        raise TaskError("result.not_json", f"The result cannot be written as JSON: {error}") from None
    if len(content) > limit_bytes:
        raise TaskError(
            "result.too_large",
            f"The result has {len(content):,} bytes of JSON, the limit is {limit_bytes:,}; "
            "write an artifact instead.",
        )
    return content


def write_json(plain: object) -> bytes:
    """Write plain values as JSON; raises ValueError for a number that JSON has not."""
    content = to_json(plain, inf_nan_mode="constants")
    if b"NaN" in content or b"Infinity" in content:  # perhaps in a text
        json.dumps(plain, allow_nan=False)
    return content


def as_cause(error: BaseException) -> BaseException:
    """Map Celery's word for a timeout to Python's, which the retry policy knows."""
    return TimeoutError() if isinstance(error, SoftTimeLimitExceeded) else error


def describe(error: BaseException, attempt: int) -> Failure:
    """Say what went wrong, in a code that clients can act on and a bounded message."""
    cause = as_cause(error)
    if isinstance(cause, TaskError):
        code, message, retryable = cause.code, cause.message, cause.retryable
    elif isinstance(cause, TimeoutError):
        code, message, retryable = "timeout", "The attempt ran past its time limit.", False
    elif isinstance(cause, MemoryError):
        code, message, retryable = "resource.memory", "The attempt ran out of memory.", False
    else:
        code, message, retryable = "internal", f"{type(error).__name__}: {error}", False
    return Failure(code, message[:MESSAGE_CHARACTERS], retryable, attempt, format_traceback(error))


def format_traceback(error: BaseException) -> str:
    """Write the newest frames, and the newest characters of those."""
    with contextlib.suppress(Exception):
        lines = traceback.format_exception(error, limit=-TRACEBACK_FRAMES, chain=False)
        return "".join(lines)[-TRACEBACK_CHARACTERS:]
    return ""


def delay_ms(task: Task[Any, Any], error: BaseException, attempt: int) -> int:
    """Say how long to wait for the next attempt: the error's own wish, or the task's policy."""
    wish_s = error.retry_after_s if isinstance(error, TaskError) else None
    return int(1000 * (task.retry.delay_s(attempt) if wish_s is None else max(0.0, wish_s)))
