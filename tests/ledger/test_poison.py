"""A record that no script wrote stops neither ticks nor claims."""

from __future__ import annotations

from typing import Any

import pytest

from jobline.domain.event import EventType
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.keys import Key
from tests.support.ledger import TENANT, Ledger

POISON = [
    {"partition": "one"},
    {"stamp": "soon"},
    {"priority": "high"},
    {"fence": "x"},
    {"start_by": "x"},
    {"tags": "not json"},
]


@pytest.mark.parametrize("poison", POISON, ids=str)
def test_bad_record_stops_neither_claims_nor_ticks(ledger: Ledger, poison: Any) -> None:
    """One broken entry at the head of a queue, a lease or an expiry would stop all jobs behind it."""
    bad_waiting = ledger.submit(priority=9)
    ledger.redis.hset(Key.JOB.of(bad_waiting), mapping=poison)
    good = ledger.submit()
    assert good in [job.id for job in ledger.claim(slots=2)]

    bad_running, running = ledger.start(), ledger.start()
    bad_final, due = ledger.start(), ledger.submit(delay_ms=60_000)
    bad_due = ledger.submit(delay_ms=60_000)
    ledger.succeed(bad_final)
    ledger.settle_in()
    for job_id in (bad_running.id, bad_final.id, bad_due):
        ledger.redis.hset(Key.JOB.of(job_id), mapping=poison)
    for key, job_id in (
        (Key.LEASES.of(), bad_running.id), (Key.LEASES.of(), running.id),
        (Key.FINISHED.of(), bad_final.id), (Key.DUE.of("default"), bad_due), (Key.DUE.of("default"), due),
    ):  # fmt: skip
        ledger.let_pass(key, job_id)
    ledger.tick()
    assert ledger.read(running.id).state is State.RETRY
    assert {running.id, due} <= {job.id for job in ledger.claim(slots=5)}


def test_history_skips_a_line_that_is_no_event(ledger: Ledger) -> None:
    """One bad line must not hide a job's other events, nor be read for ever."""
    job = ledger.start()
    ledger.report(job, {"done": 1})
    ledger.redis.rpush(Key.EVENTS.of(job.id), "x", "1-1 job.unheard {}", "", b"\xff\xfe {}")
    ledger.report(job, {"done": 2})
    ledger.succeed(job)
    page = ledger.run(commands.events.read_history(job.id, TENANT))
    assert [event.type for event in page.events] == [
        EventType.CREATED, EventType.STARTED, EventType.PROGRESS, EventType.PROGRESS, EventType.SUCCEEDED,
    ]  # fmt: skip
    rest = ledger.run(commands.events.read_history(job.id, TENANT, after=page.events[1].id))
    assert rest.events[-1].type is EventType.SUCCEEDED
    assert not rest.has_more


def test_times_of_a_job_never_run_backwards(ledger: Ledger) -> None:
    """A start is stored in milliseconds, a stamp in microseconds, and the clock of Redis may step back."""
    job = ledger.start()
    ledger.succeed(job)
    record = ledger.read(job.id)
    assert record.started_at is not None
    assert record.finished_at is not None
    assert record.created_at <= record.started_at <= record.finished_at
    ledger.redis.hset(Key.JOB.of(job.id), mapping={"started": "5", "finished": "3"})
    record = ledger.read(job.id)
    assert record.created_at == record.started_at == record.finished_at
