from __future__ import annotations

from concurrent.futures import TimeoutError as FutureTimeout

import pytest
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from jobline import RetryPolicy, task
from jobline.domain.errors import TimeLimitReached
from jobline.domain.record import Failure
from jobline.worker.failures import conclude
from jobline.worker.outcome import Failed, RetryLater
from jobline.worker.ticket import Ticket
from tests.support.tasks.endings import Made, Order

TICKET = Ticket("job-1", "end.patient", 1, 2, 1, 12.5)


@task("end.patient", retry=RetryPolicy(on_timeout=True, first_s=4, jitter=0))
def patient(order: Order) -> Made:
    """Retry after a timeout."""
    raise AssertionError


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), TimeLimitExceeded(12.5), TimeLimitReached()])
def test_each_time_limit_is_the_same_failure(error: Exception) -> None:
    message = "The attempt ran past its time limit of 12.5 s."
    failure = conclude(error, patient, TICKET).failure
    assert failure == Failure("timeout", message, retryable=False, attempt=1, traceback="")


def test_timeout_is_retried_where_the_policy_says_so() -> None:
    outcome = conclude(TimeLimitExceeded(12.5), patient, TICKET)
    assert isinstance(outcome, RetryLater)
    assert outcome.delay_ms == 4_000


def test_timeout_of_the_last_attempt_is_final() -> None:
    assert isinstance(conclude(TimeLimitExceeded(12.5), patient, TICKET._replace(attempt=2)), Failed)


@pytest.mark.parametrize("error", [TimeoutError(), TimeoutError("timed out"), FutureTimeout()])
def test_timeout_of_the_tasks_own_io_is_retried(error: Exception) -> None:
    """A slow server is no time limit: such an error must neither end the job nor be called one."""
    outcome = conclude(error, patient, TICKET)
    assert isinstance(outcome, RetryLater)
    assert outcome.failure.code == "internal"
    assert "limit" not in outcome.failure.message
