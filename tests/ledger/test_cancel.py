"""cancel: final for a waiting job, a request for a running one, and stronger than every retry."""

from __future__ import annotations

import pytest

from jobline.domain.errors import Gone, NotFound
from jobline.domain.state import State
from jobline.ledger.commands.jobs import Cancelled
from jobline.ledger.keys import Key
from tests.support.ledger import Ledger


def code(ledger: Ledger, job_id: str) -> tuple[State, str]:
    record = ledger.read(job_id)
    return record.state, record.error.code if record.error else ""


CANCELLED = (State.REVOKED, "cancelled")


@pytest.mark.parametrize("fields", [{}, {"delay_ms": 60_000}, {"expires_in_ms": 60_000}])
def test_waiting_job_is_revoked_at_once_and_never_starts(ledger: Ledger, fields: dict[str, int]) -> None:
    job_id = ledger.submit(**fields)
    assert ledger.cancel(job_id) is Cancelled.REVOKED
    assert code(ledger, job_id) == CANCELLED
    assert ledger.read(job_id).cancel_requested
    for key in (Key.WAITING.of("default", "public"), Key.DUE.of("default"), Key.START_BY.of()):
        assert not ledger.redis.exists(key)
    ledger.tick()
    assert ledger.claim() == []
    assert ledger.events(job_id) == ["job.created", "job.revoked"]


def test_job_between_two_attempts_is_revoked_at_once(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.retry(job, delay_ms=60_000)
    assert ledger.cancel(job.id) is Cancelled.REVOKED
    assert code(ledger, job.id) == CANCELLED


def test_running_job_is_asked_to_stop_and_its_worker_is_message(ledger: Ledger) -> None:
    job = ledger.start(owner="w7")
    with ledger.redis.pubsub() as ears:
        ears.subscribe(Key.CHANNEL.of("w7"))
        assert ears.get_message(timeout=5) is not None
        assert ledger.cancel(job.id) is Cancelled.REQUESTED
        message = ears.get_message(timeout=5)
    assert message is not None
    assert message["data"] == job.id.encode()
    assert (ledger.read(job.id).state, ledger.read(job.id).cancel_requested) == (State.STARTED, True)
    assert ledger.tick(owner="other").cancelled == []
    assert ledger.tick(owner="w7").cancelled == [job.id]
    assert ledger.tick(owner="w7").cancelled == []


def test_second_cancel_says_again(ledger: Ledger) -> None:
    waiting, running = ledger.submit(priority=0), ledger.start(priority=9)
    ledger.cancel(waiting)
    ledger.cancel(running.id)
    assert [ledger.cancel(waiting), ledger.cancel(running.id)] == [Cancelled.REPEATED, Cancelled.REPEATED]
    ledger.stop(running)
    assert ledger.cancel(running.id) is Cancelled.REPEATED


def test_finished_job_cannot_be_cancelled(ledger: Ledger) -> None:
    done, failed = ledger.start(), ledger.start()
    ledger.succeed(done)
    ledger.fail(failed)
    before = ledger.snapshot()
    assert [ledger.cancel(done.id), ledger.cancel(failed.id)] == [Cancelled.FINISHED, Cancelled.FINISHED]
    assert ledger.snapshot() == before


@pytest.mark.parametrize("verb", ["retry", "stop", "rescue", "release"])
def test_cancel_beats_every_way_back_into_the_queue(ledger: Ledger, verb: str) -> None:
    job = ledger.start()
    ledger.cancel(job.id)
    getattr(ledger, verb)(job)
    assert code(ledger, job.id) == CANCELLED
    assert ledger.claim() == []


def test_cancel_beats_the_end_of_a_lease(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.cancel(job.id)
    ledger.settle_in()
    ledger.let_pass(Key.LEASES.of(), job.id)
    ledger.tick()
    assert code(ledger, job.id) == CANCELLED


def test_job_that_ended_before_it_heard_of_the_cancel_keeps_its_result(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.cancel(job.id)
    assert ledger.succeed(job, 7).state is State.SUCCESS
    assert ledger.read(job.id).result == b"7"


def test_unknown_and_anothers_job_are_not_found(ledger: Ledger) -> None:
    job_id = ledger.submit()
    with pytest.raises(NotFound, match="no job none"):
        ledger.cancel("none")
    with pytest.raises(NotFound, match=job_id):
        ledger.cancel(job_id, tenant="other")
    assert ledger.read(job_id).state is State.PENDING


def test_forgotten_job_is_gone(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.succeed(job)
    ledger.let_pass(Key.FINISHED.of(), job.id)
    ledger.tick()
    with pytest.raises(Gone):
        ledger.cancel(job.id)
