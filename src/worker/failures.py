"""From an exception to the end of an attempt: what clients read of it, and whether it is retried. Pure."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from jobline.domain.errors import TaskError
from jobline.domain.record import Failure
from jobline.domain.task import Task
from jobline.worker.outcome import Failed, RetryLater
from jobline.worker.ticket import Ticket

#: A stored traceback keeps its newest frames and at most this many characters.
TRACEBACK_FRAMES = 20
TRACEBACK_CHARACTERS = 8_000
MESSAGE_CHARACTERS = 2_000


def conclude(error: BaseException, task: Task[Any, Any], ticket: Ticket) -> Failed | RetryLater:
    """Return how an attempt ends that ``error`` stopped."""
    failure = describe(error, ticket)
    if ticket.attempt < ticket.max_attempts and task.retry.allows(as_cause(error)):
        return RetryLater(failure, delay_ms(error, task, ticket.attempt))
    return Failed(failure)


def describe(error: BaseException, ticket: Ticket) -> Failure:
    """Return a code that clients can act on, with a bounded message."""
    cause = as_cause(error)
    if isinstance(cause, TaskError):
        code, message, retryable = cause.code, cause.message, cause.retryable
    elif isinstance(cause, TimeoutError):
        code, retryable = "timeout", False
        message = f"The attempt ran past its time limit of {ticket.timeout_s:g} s."
    elif isinstance(cause, MemoryError):
        code, message, retryable = "resource.memory", "The attempt ran out of memory.", False
    else:
        code, message, retryable = "internal", f"{type(error).__name__}: {error}", False
    return Failure(code, message[:MESSAGE_CHARACTERS], retryable, ticket.attempt, format_traceback(error))


def as_cause(error: BaseException) -> BaseException:
    """Return Python's TimeoutError, which the retry policy knows, for those of Celery's pools."""
    return TimeoutError() if isinstance(error, SoftTimeLimitExceeded | TimeLimitExceeded) else error


def format_traceback(error: BaseException) -> str:
    """Return the newest frames, cut to the newest characters; empty for an error that was never raised."""
    if error.__traceback__ is None:
        return ""
    with contextlib.suppress(Exception):  # a user's __str__ may raise
        lines = traceback.format_exception(error, limit=-TRACEBACK_FRAMES, chain=False)
        return "".join(lines)[-TRACEBACK_CHARACTERS:]
    return ""


def delay_ms(error: BaseException, task: Task[Any, Any], attempt: int) -> int:
    """Return how long the next attempt waits: as long as the error asks, or as the task's policy says."""
    asked_s = error.retry_after_s if isinstance(error, TaskError) else None
    return int(1000 * (task.retry.delay_s(attempt) if asked_s is None else max(0.0, asked_s)))
