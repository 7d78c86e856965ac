"""Outcomes go through Celery's own tracer, and come out of it as they went in."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from celery import Celery, states
from celery.app.trace import trace_task
from celery.backends.base import BaseBackend

from jobline.domain.record import Failure
from jobline.worker.outcome import Cancelled, Failed, Outcome, Released, RetryLater, Succeeded
from jobline.worker.ticket import Ticket
from jobline.worker.tracer import AttemptFailed, from_tracer, to_tracer

FAILURE = Failure("a.b", "Oh no.", retryable=True, attempt=1, traceback="Traceback…")
TICKET = Ticket("id-1", "t", 2, 3, 7, 10.0)


class Reports(BaseBackend):
    """A result backend that keeps what the tracer stores."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored: list[tuple[object, str]] = []

    def store_result(self, task_id: str, result: Any, state: str, **_: Any) -> Any:
        self.stored.append((result, state))
        return result


def trace(outcome: Any) -> Outcome:
    """Run a task that ends with an outcome, and return what its backend reads of that."""
    app = Celery("t", backend=Reports, set_as_current=False)

    @app.task(name="t", bind=True)
    def run(self: Any) -> Any:
        return to_tracer(self, outcome)

    trace_task(run, "id-1", (), {}, {"id": "id-1", "task": "t"}, app=app)
    ((result, state),) = run.backend.stored
    return from_tracer(result, state, TICKET)


@pytest.mark.parametrize("outcome", [Succeeded(b"1"), Failed(FAILURE), RetryLater(FAILURE, 5), Cancelled()])
def test_outcome_comes_through_the_tracer(outcome: Outcome) -> None:
    assert trace(outcome) == outcome


def test_retry_without_an_outcome_is_a_release() -> None:
    assert from_tracer(RuntimeError(), states.RETRY, TICKET) == Released()


def test_error_of_the_tracer_itself_fails_the_job() -> None:
    outcome = from_tracer(ValueError("x" * 9_000), states.FAILURE, TICKET)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message.startswith("ValueError: xx")
    assert (outcome.failure.code, outcome.failure.attempt, len(outcome.failure.message)) == (
        "internal",
        2,
        2000,
    )


def test_failure_crosses_the_pipe_of_a_child_and_says_why_in_the_log() -> None:
    error = pickle.loads(pickle.dumps(AttemptFailed(Failed(FAILURE))))  # noqa: S301 - as billiard's pipe
    assert error.outcome == Failed(FAILURE)
    assert str(error) == repr(error) == "a.b: Oh no."
