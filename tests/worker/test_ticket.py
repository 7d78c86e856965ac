from __future__ import annotations

import pickle

import pytest
from celery.app.task import Context

from jobline.ledger.commands.attempts import Claimed
from jobline.worker.message import to_message
from jobline.worker.ticket import HEADER, Ticket, find_ticket, ticket_of

CLAIMED = Claimed("id-1", "end.well", "media", 2, 7, 5, 12_500, b"{}")
TICKET = Ticket("id-1", "end.well", 2, 7, 5, 12.5)


def test_ticket_reaches_the_running_task_as_the_claim_gave_it() -> None:
    headers = pickle.loads(pickle.dumps(to_message(CLAIMED)["headers"]))  # noqa: S301 - as billiard's pipe
    assert ticket_of(Context(headers)) == TICKET


def test_message_carries_the_ticket_once() -> None:
    headers = to_message(CLAIMED)["headers"]
    assert headers[HEADER] == TICKET
    assert Context(headers).headers == {}


@pytest.mark.parametrize("request_", [None, {}, Context()])
def test_task_that_no_claim_started_has_no_ticket(request_: object) -> None:
    assert find_ticket(request_) is None


@pytest.mark.parametrize("request_", [{}, Context()])
def test_task_called_directly_says_where_it_runs(request_: object) -> None:
    with pytest.raises(LookupError, match=r"jobline\.testing"):
        ticket_of(request_)
