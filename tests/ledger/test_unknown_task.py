"""Jobs of a task that some workers of their queue do not know, as during a deployment."""

from __future__ import annotations

import json

from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Limits
from tests.support.ledger import LEASE_MS, RETENTION, Ledger

NEW = "demo.new"
OLD_WORKER = Limits(tasks={NEW: 0})


def claim(ledger: Ledger, slots: int = 5, limits: Limits = OLD_WORKER, *unblock: str) -> list[Claimed]:
    return ledger.run(
        commands.attempts.claim(
            "w1", ["default"], slots=slots, lease_ms=LEASE_MS, retention=RETENTION, limits=limits,
            unblock=unblock,
        )
    )  # fmt: skip


def unserved(ledger: Ledger) -> list[str]:
    ticked = ledger.run(commands.clock.tick("w1", json.dumps({}), lease_ms=LEASE_MS, retention=RETENTION))
    return ticked.unserved


def test_jobs_of_an_unknown_task_are_left_and_others_start(ledger: Ledger) -> None:
    """A worker that does not know a task must neither start its jobs nor stand still behind them."""
    new = [ledger.submit(task=NEW) for _ in range(3)]
    other = ledger.submit()
    assert [job.id for job in claim(ledger)] == [other]
    assert {ledger.read(job).state for job in new} == {State.PENDING}
    assert unserved(ledger) == [NEW]
    seen = ledger.run(commands.queues.read_queue("default"))
    assert (seen.depth, seen.unserved) == (3, {NEW: 3})


def test_worker_that_knows_the_task_starts_its_jobs_in_their_order(ledger: Ledger) -> None:
    """What was left aside must come back at its rank, uncounted, and for all free slots at once."""
    new = [ledger.submit(task=NEW, max_attempts=1) for _ in range(4)]
    claim(ledger)
    started = claim(ledger, 3, Limits(), NEW)
    assert [job.id for job in started] == new[:3]
    assert {job.attempt for job in started} == {1}
    assert claim(ledger) == []
    for job in started:
        ledger.succeed(job)
    assert [job.id for job in claim(ledger, 3, Limits(), NEW)] == new[3:]
    assert claim(ledger, 3, Limits(), NEW) == []
    assert unserved(ledger) == []


def test_task_limit_holds_for_jobs_that_were_left(ledger: Ledger) -> None:
    """A deployment must not start more jobs of a task at once than ``max_running``."""
    new = [ledger.submit(task=NEW) for _ in range(4)]
    claim(ledger)
    limits = Limits(tasks={NEW: 2})
    assert [job.id for job in claim(ledger, 4, limits, NEW)] == new[:2]
    assert claim(ledger, 4, limits, NEW) == []


def test_cancelled_job_of_an_unknown_task_never_starts(ledger: Ledger) -> None:
    """Guarantee 4 holds for a job that waits for a worker, and nothing of it stays in Redis."""
    job = ledger.submit(task=NEW)
    claim(ledger)
    ledger.cancel(job)
    assert ledger.read(job).state is State.REVOKED
    assert claim(ledger, 1, Limits(), NEW) == []
    assert unserved(ledger) == []


def test_other_jobs_start_behind_many_of_an_unknown_task(ledger: Ledger) -> None:
    """One claim does bounded work; a few of them must get past any number of jobs to leave."""
    for _ in range(300):
        ledger.submit(task=NEW)
    other = ledger.submit()
    claims = [claim(ledger, 1) for _ in range(8)]
    assert [job.id for jobs in claims for job in jobs] == [other]
