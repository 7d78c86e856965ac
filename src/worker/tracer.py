"""Between outcomes and Celery's tracer, which runs every task and tells the result backend how it ended.

The tracer knows return values and exceptions. So an outcome leaves the task as one of those (`to_tracer`),
and the backend reads it back (`from_tracer`) from what the tracer stores.
"""

from __future__ import annotations

from celery import Task as CeleryTask
from celery.exceptions import Ignore, Retry

from jobline.domain.failure import MESSAGE_CHARACTERS
from jobline.domain.plain import plain_text
from jobline.domain.record import Failure
from jobline.domain.state import State
from jobline.worker.outcome import Cancelled, Failed, Outcome, Released, RetryLater, Succeeded
from jobline.worker.ticket import Ticket


class AttemptFailed(Exception):
    """An outcome that Celery has to see as an exception."""

    def __init__(self, outcome: Failed | RetryLater) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    def __str__(self) -> str:  # Celery logs it
        return f"{self.outcome.failure.code}: {self.outcome.failure.message}"

    __repr__ = __str__


def to_tracer(task: CeleryTask, outcome: Succeeded | Failed | RetryLater | Cancelled) -> Succeeded:
    """End the body of a Celery task: return or raise what makes the tracer report ``outcome``."""
    match outcome:
        case Succeeded():
            return outcome
        case Failed():
            raise AttemptFailed(outcome)
        case RetryLater():
            raise Retry(exc=AttemptFailed(outcome), when=outcome.delay_ms / 1000)
        case Cancelled():
            request = task.request
            task.backend.mark_as_revoked(request.id, "The job was cancelled.", request=request)
            raise Ignore


def from_tracer(result: object, state: str, ticket: Ticket) -> Outcome:
    """Return the outcome behind what Celery stores for an attempt."""
    if isinstance(result, Succeeded):
        return result
    if isinstance(result, AttemptFailed):
        return result.outcome
    if state == State.REVOKED:
        return Cancelled()
    if state == State.RETRY:  # Celery's own: it cancelled the attempt, as a worker does that stops
        return Released()
    message = f"{type(result).__name__}: {plain_text(result)}"[:MESSAGE_CHARACTERS]
    return Failed(Failure("internal", message, retryable=False, attempt=ticket.attempt))
