"""release_claim: all that a claim started whose reply was lost is released, and nothing else."""

from __future__ import annotations

from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.commands.jobs import Cancelled
from jobline.ledger.scripts import CONSTANTS
from tests.support.ledger import LEASE_MS, RETENTION, Ledger


def claim(ledger: Ledger, number: int, slots: int = 1, owner: str = "w1") -> list[Claimed]:
    return ledger.run(
        commands.attempts.claim(
            owner, ["default"], slots=slots, lease_ms=LEASE_MS, retention=RETENTION, number=number
        )
    )


def release_claim(ledger: Ledger, number: int, owner: str = "w1") -> list[str]:
    """Call it until nothing is left."""
    found: list[str] = []
    after = ""
    while True:
        step = ledger.run(commands.attempts.release_claim(owner, number, RETENTION, after))
        found += step.jobs
        if not step.after:
            return found
        after = step.after


def test_released_job_waits_at_once_and_its_attempt_is_not_counted(ledger: Ledger) -> None:
    job = ledger.submit(max_attempts=1)
    (lost,) = claim(ledger, 1)
    assert release_claim(ledger, 1) == [job]
    record = ledger.read(job)
    assert (record.state, record.attempt, record.started_at) == (State.PENDING, 0, None)
    (later,) = claim(ledger, 2)
    assert (later.id, later.attempt) == (job, 1)
    assert later.fence > lost.fence
    assert not ledger.succeed(lost).is_current
    assert ledger.succeed(later).state is State.SUCCESS


def test_jobs_of_other_claims_and_owners_go_on(ledger: Ledger) -> None:
    jobs = [ledger.submit() for _ in range(4)]
    running = [*claim(ledger, 1), *claim(ledger, 12), *claim(ledger, 2, owner="w2")]
    claim(ledger, 2)
    assert release_claim(ledger, 2) == [jobs[3]]
    assert ledger.renew(*running).current == len(running)


def test_job_that_was_claimed_meanwhile_is_not_released(ledger: Ledger) -> None:
    job = ledger.submit()
    (lost,) = claim(ledger, 1)
    ledger.rescue(lost)
    (running,) = claim(ledger, 2)
    assert release_claim(ledger, 1) == []
    assert ledger.renew(running).current == 1
    assert ledger.read(job).attempt == 2


def test_cancelled_job_is_revoked_as_it_is_released(ledger: Ledger) -> None:
    job = ledger.submit()
    claim(ledger, 1)
    assert ledger.cancel(job) is Cancelled.REQUESTED
    assert release_claim(ledger, 1) == [job]
    assert ledger.read(job).state is State.REVOKED


def test_each_step_is_bounded_and_the_walk_meets_every_job(ledger: Ledger) -> None:
    batch = CONSTANTS["TICK_BATCH"]
    for _ in range(3 * batch):
        ledger.submit()
    running = claim(ledger, 1, slots=batch)
    lost = {job.id for job in claim(ledger, 2, slots=batch)}
    claim(ledger, 1, slots=batch, owner="w2")
    step = ledger.run(commands.attempts.release_claim("w1", 2, RETENTION))
    assert step.after
    assert len(step.jobs) < 2 * batch
    assert {*step.jobs, *release_claim(ledger, 2)} == lost
    assert ledger.renew(*running).current == batch
