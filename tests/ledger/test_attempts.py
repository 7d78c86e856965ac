"""An attempt's life: fences, settle, retry, rescue, release, renew, report."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobline.domain.record import Failure
from jobline.domain.state import State
from jobline.ledger.commands.attempts import Claimed, PublishedArtifact
from jobline.ledger.commands.jobs import Cancelled
from jobline.ledger.keys import Key
from tests.support.ledger import RETENTION, TENANT, Ledger

ARTIFACT = PublishedArtifact("art_" + "a" * 32, "a.png", "image/png", 3, "0" * 64)


def test_two_owners_never_claim_one_job(ledger: Ledger) -> None:
    ids = {ledger.submit() for _ in range(2000)}
    gate = threading.Barrier(8)

    def drain(owner: str) -> list[Claimed]:
        mine: list[Claimed] = []
        gate.wait(10)
        while got := ledger.claim(slots=3, owner=owner):
            mine += got
        return mine

    with ThreadPoolExecutor(8) as pool:
        shares = list(pool.map(drain, [f"w{number}" for number in range(8)]))
    claimed = [job for share in shares for job in share]
    assert len(claimed) == len(ids)
    assert {job.id for job in claimed} == ids
    assert {job.attempt for job in claimed} == {1}
    assert sum(bool(share) for share in shares) > 1


def test_success_keeps_the_result_as_it_came(ledger: Ledger) -> None:
    job = ledger.start()
    settled = ledger.succeed(job, {"empty": [], "none": {}, "large": 2**63})
    record = ledger.read(job.id)
    assert (settled.is_current, settled.state) == (True, State.SUCCESS)
    assert record.result == b'{"empty": [], "none": {}, "large": 9223372036854775808}'
    assert record.finished_at is not None
    assert record.error is None
    assert ledger.events(job.id)[-1] == "job.succeeded"
    assert not ledger.redis.exists(Key.LEASES.of())


def test_success_publishes_artifacts(ledger: Ledger) -> None:
    from jobline.ledger import commands  # noqa: PLC0415

    job = ledger.start()
    ledger.succeed(job, artifacts=[ARTIFACT])
    (stored,) = ledger.run(commands.files.read_artifacts(TENANT, job.id))
    assert (stored.id, stored.name, stored.media_type, stored.size_bytes, stored.job_id) == (
        ARTIFACT.id, "a.png", "image/png", 3, job.id,
    )  # fmt: skip


def test_failure_keeps_its_error_and_its_traceback(ledger: Ledger) -> None:
    from jobline.ledger import commands  # noqa: PLC0415

    job = ledger.start()
    broken = Failure("a.b", 'It "broke" \\ ä\n', retryable=False, attempt=1, traceback="Traceback…\n")
    ledger.run(commands.attempts.fail(job.id, job.fence, broken, RETENTION))
    assert ledger.read(job.id).state is State.FAILURE
    assert ledger.read(job.id).error == broken
    assert ledger.events(job.id)[-1] == "job.failed"


def test_success_after_a_retry_has_no_error_left(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.retry(job)
    assert ledger.read(job.id).error is not None
    (again,) = ledger.claim()
    assert (again.attempt, again.fence > job.fence) == (2, True)
    ledger.succeed(again)
    assert ledger.read(job.id).error is None


def test_retry_is_due_after_its_delay(ledger: Ledger) -> None:
    job = ledger.start()
    settled = ledger.retry(job, delay_ms=60_000)
    assert settled.state is State.RETRY
    assert ledger.claim() == []
    assert ledger.read(job.id).run_at is not None
    assert ledger.events(job.id)[-1] == "job.retrying"
    ledger.let_pass(Key.DUE.of("default"), job.id)
    ledger.tick()
    assert [one.attempt for one in ledger.claim()] == [2]


def test_retry_without_delay_goes_behind_those_that_wait(ledger: Ledger) -> None:
    job = ledger.start()
    other = ledger.submit()
    ledger.retry(job)
    assert ledger.waiting() == [other, job.id]


def test_retry_beyond_the_last_attempt_is_a_failure(ledger: Ledger) -> None:
    job = ledger.start(max_attempts=2)
    assert ledger.retry(job).state is State.RETRY
    (last,) = ledger.claim()
    settled = ledger.retry(last)
    assert (settled.is_current, settled.state) == (True, State.FAILURE)
    assert ledger.read(job.id).error == Failure("demo.flaky", "It broke.", retryable=True, attempt=2)
    assert ledger.waiting() == []


@pytest.mark.parametrize("ends", [Ledger.succeed, Ledger.fail, Ledger.retry, Ledger.stop, Ledger.rescue])
def test_late_attempt_ends_nothing(ledger: Ledger, ends: Callable[[Ledger, Claimed], object]) -> None:
    late = ledger.start()
    ledger.rescue(late)
    (current,) = ledger.claim(owner="w2")
    before = ledger.snapshot()
    settled = ends(ledger, late)
    assert (getattr(settled, "is_current", None), getattr(settled, "state", None)) == (False, State.STARTED)
    assert ledger.snapshot() == before
    assert ledger.succeed(current).is_current


def test_late_attempt_publishes_nothing(ledger: Ledger) -> None:
    late = ledger.start()
    ledger.release(late)
    before = ledger.snapshot()
    assert not ledger.succeed(late, {}, artifacts=[ARTIFACT]).is_current
    assert ledger.snapshot() == before


def test_late_attempt_tells_renews_and_releases_nothing(ledger: Ledger) -> None:
    late = ledger.start()
    ledger.rescue(late)
    ledger.claim(owner="w2")
    before = ledger.snapshot()
    assert not ledger.report(late, {"done": 1}).is_current
    assert not ledger.report(late, {"message": "x"}, kind="log").is_current
    assert ledger.renew(late).lost == [late.id]
    assert ledger.release(late) == []
    assert ledger.snapshot() == before


@pytest.mark.parametrize("ends", [Ledger.succeed, Ledger.fail, Ledger.stop, Ledger.rescue])
def test_second_end_of_one_attempt_changes_nothing(
    ledger: Ledger, ends: Callable[[Ledger, Claimed], object]
) -> None:
    job = ledger.start(max_attempts=1)
    ledger.succeed(job, 1)
    before = ledger.snapshot()
    assert not getattr(ends(ledger, job), "is_current", None)
    assert ledger.snapshot() == before


def test_end_of_a_forgotten_job_changes_nothing(ledger: Ledger) -> None:
    ghost = Claimed("ghost", "a.b", "default", 1, 3, 1, 1000, b"{}")
    assert not ledger.succeed(ghost).is_current
    assert not ledger.rescue(ghost).is_current
    assert ledger.renew(ghost).lost == ["ghost"]
    assert not ledger.report(ghost, {}).is_current
    assert ledger.keys() == set()


def test_lost_attempt_is_followed_by_the_next_at_the_front(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.submit()
    assert ledger.rescue(job).state is State.RETRY
    record = ledger.read(job.id)
    assert record.error is not None
    assert (record.error.code, record.error.attempt, record.attempt) == ("worker-lost", 1, 1)
    assert ledger.waiting()[0] == job.id
    assert ledger.events(job.id)[-1] == "job.retrying"


def test_job_that_loses_every_worker_fails(ledger: Ledger) -> None:
    job_id = ledger.submit(max_attempts=3)
    states = []
    for _ in range(3):
        (job,) = ledger.claim()
        states.append(ledger.rescue(job).state)
    assert states == [State.RETRY, State.RETRY, State.FAILURE]
    record = ledger.read(job_id)
    assert record.error is not None
    assert (record.error.code, record.error.retryable, record.attempt) == ("worker-lost", True, 3)


def test_released_first_attempt_is_pending_again_and_first_in_line(ledger: Ledger) -> None:
    job = ledger.start()
    other = ledger.submit()
    ledger.report(job, {"done": 1})
    assert ledger.release(job) == [job.id]
    record = ledger.read(job.id)
    assert (record.state, record.attempt, record.started_at, record.progress) == (
        State.PENDING,
        0,
        None,
        None,
    )
    assert ledger.waiting() == [job.id, other]
    (again,) = ledger.claim()
    assert (again.id, again.attempt) == (job.id, 1)
    assert again.fence > job.fence


def test_released_later_attempt_waits_in_retry(ledger: Ledger) -> None:
    job = ledger.start(max_attempts=2)
    ledger.retry(job)
    (second,) = ledger.claim()
    ledger.release(second)
    assert (ledger.read(job.id).state, ledger.read(job.id).attempt) == (State.RETRY, 1)
    (again,) = ledger.claim()
    assert again.attempt == 2


def test_release_is_never_counted_however_often(ledger: Ledger) -> None:
    job_id = ledger.submit(max_attempts=1)
    for _ in range(10):
        (job,) = ledger.claim()
        assert job.attempt == 1
        assert ledger.release(job) == [job_id]
    (job,) = ledger.claim()
    assert ledger.succeed(job).state is State.SUCCESS


def test_several_are_released_at_once_but_none_that_ended(ledger: Ledger) -> None:
    jobs = [ledger.start() for _ in range(3)]
    ledger.succeed(jobs[1])
    assert ledger.release(*jobs) == [jobs[0].id, jobs[2].id]
    assert ledger.waiting() == [jobs[0].id, jobs[2].id]


def test_renewal_tells_current_lost_and_cancelled_apart(ledger: Ledger) -> None:
    runs, lost, cancelled, ended = (ledger.start() for _ in range(4))
    ledger.rescue(lost)
    ledger.cancel(cancelled.id)
    ledger.succeed(ended)
    renewed = ledger.renew(runs, lost, cancelled, ended)
    assert (renewed.lost, renewed.cancelled, renewed.current) == ([lost.id], [cancelled.id], 2)


def test_renewal_moves_the_end_of_the_lease(ledger: Ledger) -> None:
    job = ledger.start()
    before = ledger.redis.zscore(Key.LEASES.of(), job.id)
    ledger.renew(job, lease_ms=600_000)
    after = ledger.redis.zscore(Key.LEASES.of(), job.id)
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert 560_000 < after - before < 600_000


def test_progress_is_stored_and_told(ledger: Ledger) -> None:
    job = ledger.start()
    assert ledger.report(job, {"done": 1, "total": None}).is_current
    ledger.report(job, {"message": "hello"}, kind="log")
    progress = ledger.read(job.id).progress
    assert progress is not None
    assert json.loads(progress) == {"done": 1, "total": None}
    assert ledger.events(job.id)[-2:] == ["job.progress", "job.log"]


def test_report_brings_the_cancel_along(ledger: Ledger) -> None:
    job = ledger.start()
    assert not ledger.report(job, {"done": 1}).cancel_requested
    ledger.cancel(job.id)
    assert ledger.report(job, {"done": 2}).cancel_requested


def test_history_of_a_job_is_bounded(ledger: Ledger) -> None:
    job = ledger.start()
    for number in range(1010):
        ledger.report(job, number)
    assert ledger.redis.llen(Key.EVENTS.of(job.id)) == 1000
    assert ledger.cancel(job.id) is Cancelled.REQUESTED
