"""From an exception to the end of an attempt, with the words of Celery's pools read as Python's. Pure."""

from __future__ import annotations

from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from jobline.domain.errors import TimeLimitReached
from jobline.domain.failure import describe, retry_delay_s
from jobline.domain.task import Task
from jobline.worker.outcome import Failed, RetryLater
from jobline.worker.ticket import Ticket


def conclude(error: BaseException, task: Task[Any, Any], ticket: Ticket) -> Failed | RetryLater:
    """Return how an attempt ends that ``error`` stopped."""
    if isinstance(error, SoftTimeLimitExceeded | TimeLimitExceeded):
        error = TimeLimitReached().with_traceback(error.__traceback__)
    failure = describe(error, ticket.attempt, ticket.timeout_s)
    delay_s = retry_delay_s(error, task, ticket.attempt, ticket.max_attempts)
    return Failed(failure) if delay_s is None else RetryLater(failure, int(1000 * delay_s))
