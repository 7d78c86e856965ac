from __future__ import annotations

from typing import get_args

import pytest

from jobline.domain.record import Failure
from jobline.domain.state import State
from jobline.ledger.commands.attempts import Claimed
from jobline.worker import outcome
from jobline.worker.outcome import (
    Cancelled,
    Failed,
    Lost,
    Outcome,
    Released,
    RetryLater,
    Succeeded,
    release,
    to_command,
)  # fmt: skip
from jobline.worker.ticket import Ticket
from tests.support.ledger import RETENTION, Ledger

FAILURE = Failure("a.b", "Oh no.", retryable=True, attempt=1, traceback="Traceback…")
#: Each outcome, and the state of a job with attempts left, as the table in the module's head has it.
STATES: dict[Outcome, State] = {
    Succeeded(b"1"): State.SUCCESS,
    Failed(FAILURE): State.FAILURE,
    RetryLater(FAILURE, 5_000): State.RETRY,
    Cancelled(): State.REVOKED,
    Released(): State.PENDING,
    Lost(): State.RETRY,
}


def end(ledger: Ledger, job: Claimed, how: Outcome) -> State:
    ledger.run(to_command(Ticket.of(job), how, RETENTION))
    return ledger.read(job.id).state


def test_every_outcome_is_tested_and_in_the_table() -> None:
    members = set(get_args(Outcome))
    assert {type(one) for one in STATES} == members
    for member in members:
        assert f"| {member.__name__} |" in str(outcome.__doc__)


@pytest.mark.parametrize("how", STATES, ids=lambda how: type(how).__name__)
def test_outcome_brings_the_job_to_its_state(ledger: Ledger, how: Outcome) -> None:
    assert end(ledger, ledger.start(), how) is STATES[how]


def test_released_attempt_does_not_count_and_a_lost_one_does(ledger: Ledger) -> None:
    released, lost = ledger.start(), ledger.start()
    end(ledger, released, Released())
    end(ledger, lost, Lost())
    assert [ledger.read(job.id).attempt for job in (released, lost)] == [0, 1]


def test_lost_last_attempt_fails_the_job(ledger: Ledger) -> None:
    job = ledger.start(max_attempts=1)
    assert end(ledger, job, Lost()) is State.FAILURE
    error = ledger.read(job.id).error
    assert error is not None
    assert error.code == "worker-lost"


def test_lost_attempt_of_a_cancelled_job_revokes_it(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.cancel(job.id)
    assert end(ledger, job, Lost()) is State.REVOKED


def test_many_attempts_are_released_by_one_command(ledger: Ledger) -> None:
    jobs = [ledger.start(), ledger.start()]
    assert ledger.run(release([Ticket.of(job) for job in jobs], RETENTION)) == [job.id for job in jobs]


def test_success_is_logged_by_its_result_alone() -> None:
    assert repr(Succeeded(b'{"a": 1}')) == '{"a": 1}'
