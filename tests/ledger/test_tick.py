"""tick: lost leases, the pause of rescues after an outage, and expiry without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from jobline.domain.errors import Gone, LedgerUnavailable, NotFound
from jobline.domain.retention import Retention
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.attempts import PublishedArtifact
from jobline.ledger.keys import Key
from jobline.ledger.scripts import CONSTANTS
from tests.support.ledger import RETENTION, TENANT, Ledger

FILE, OTHER = "file_" + "1" * 32, "file_" + "2" * 32
ARTIFACT = PublishedArtifact("art_" + "a" * 32, "a.png", "image/png", 3, "0" * 64)
#: What stays however many jobs came and went: one each, or bounded.
LASTING = {
    Key.CLOCK.of(), Key.TICK.of(), Key.FEED.of(), Key.TRASH.of(),
    Key.WORKERS.of(), Key.WORKER.of("w1"), Key.WAKE.of("default"),
}  # fmt: skip


def lasting_gone(ledger: Ledger) -> set[str]:
    """Return the keys that are neither permanent nor have a TTL."""
    return {key for key in ledger.keys() - LASTING if not key.startswith(Key.ENDED.of(""))}


def end_lease(ledger: Ledger, job_id: str) -> None:
    ledger.let_pass(Key.LEASES.of(), job_id)


def test_attempt_whose_lease_ended_is_followed_by_the_next(ledger: Ledger) -> None:
    job = ledger.start(owner="dead")
    ledger.settle_in()
    end_lease(ledger, job.id)
    ledger.tick()
    assert ledger.read(job.id).state is State.RETRY
    (again,) = ledger.claim()
    assert (again.id, again.attempt) == (job.id, 2)


def test_last_attempt_whose_lease_ended_is_a_failure(ledger: Ledger) -> None:
    job = ledger.start(max_attempts=1)
    ledger.settle_in()
    end_lease(ledger, job.id)
    ledger.tick()
    record = ledger.read(job.id)
    assert record.error is not None
    assert (record.state, record.error.code) == (State.FAILURE, "worker-lost")


def test_renewed_lease_is_not_reaped(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.settle_in()
    end_lease(ledger, job.id)
    ledger.renew(job)
    ledger.tick()
    assert ledger.read(job.id).state is State.STARTED


def test_after_a_gap_owners_get_one_lease_to_report_first(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.settle_in()
    now_ms = int(ledger.redis.time()[0]) * 1000
    ledger.redis.hset(Key.TICK.of(), "last", now_ms - 10_000)
    end_lease(ledger, job.id)
    ledger.tick(lease_ms=20_000)
    ledger.tick(lease_ms=20_000)
    assert ledger.read(job.id).state is State.STARTED
    rescue_after = ledger.redis.hget(Key.TICK.of(), "rescue_after")
    assert isinstance(rescue_after, bytes)
    assert 19_000 <= int(rescue_after) - now_ms <= 22_000
    ledger.redis.hset(Key.TICK.of(), "rescue_after", now_ms)
    ledger.tick()
    assert ledger.read(job.id).state is State.RETRY


def test_very_first_tick_holds_too(ledger: Ledger) -> None:
    """The server may have been restarted with old leases in it."""
    job = ledger.start()
    end_lease(ledger, job.id)
    ledger.tick()
    assert ledger.read(job.id).state is State.STARTED


def test_steady_ticks_hold_nothing(ledger: Ledger) -> None:
    ledger.settle_in()
    ledger.tick()
    assert ledger.redis.hget(Key.TICK.of(), "rescue_after") == b"0"


def test_tick_of_a_worker_that_can_start_nothing_is_no_heartbeat(ledger: Ledger) -> None:
    """Such a worker keeps the ledger going, but must not count as one that serves a queue."""
    ledger.run(commands.clock.tick("w1", "", lease_ms=1000, retention=RETENTION))
    assert ledger.run(commands.clock.workers()) == []


def test_worker_shows_its_heartbeat_until_it_is_old(ledger: Ledger) -> None:
    ledger.run(commands.clock.tick("w1", '{"busy": 1}', lease_ms=1000, retention=RETENTION))
    ledger.tick(owner="w2")
    seen = {worker.name: worker for worker in ledger.run(commands.clock.workers())}
    assert set(seen) == {"w1", "w2"}
    assert seen["w1"].about == b'{"busy": 1}'
    assert 0 <= seen["w1"].age_ms < 10_000
    ledger.let_pass(Key.WORKERS.of(), "w1")
    ledger.tick(owner="w2")
    assert [worker.name for worker in ledger.run(commands.clock.workers())] == ["w2"]


@pytest.mark.parametrize("verb", ["succeed", "fail", "stop"])
def test_expired_job_leaves_a_tombstone_and_nothing_else(ledger: Ledger, verb: str) -> None:
    ledger.add_file(FILE)
    ledger.add_file(OTHER)
    job = ledger.start(
        tags=("a", "ü", "b c"), idempotency="key", fingerprint="f", files=(FILE, OTHER), expires_in_ms=60_000
    )
    ledger.run(commands.jobs.read_job(job.id, TENANT, subscriber="p1"))
    ledger.report(job, {"done": 1})
    ledger.retry(job)
    (job,) = ledger.claim()
    if verb == "succeed":
        ledger.succeed(job, {"a": 1}, artifacts=[ARTIFACT])
    else:
        getattr(ledger, verb)(job)
    ledger.let_pass(Key.FINISHED.of(), job.id)
    ledger.tick()
    for file in (FILE, OTHER):
        ledger.let_pass(Key.FILES.of(), file)
    ledger.tick()
    assert ledger.page().records == []
    tombs = {Key.GONE.of(one) for one in (job.id, FILE, OTHER)}
    assert lasting_gone(ledger) == tombs
    trashed = {FILE, OTHER, ARTIFACT.id} if verb == "succeed" else {FILE, OTHER}
    found: list[str] = ledger.run(commands.files.trash())
    assert set(found) == trashed


def test_cancelled_waiting_job_leaves_no_trace_either(ledger: Ledger) -> None:
    job_id = ledger.submit(tags=("a",), idempotency="key", expires_in_ms=60_000, delay_ms=60_000)
    ledger.cancel(job_id)
    ledger.let_pass(Key.FINISHED.of(), job_id)
    ledger.tick(retention=Retention(1000, 1000, tombstone_ms=0))
    assert ledger.page().records == []
    assert lasting_gone(ledger) == set()


def test_forgotten_job_is_gone_and_then_was_never_there(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.succeed(job)
    ledger.let_pass(Key.FINISHED.of(), job.id)
    with pytest.raises(Gone):  # its TTL is over, though no tick has run yet
        ledger.read(job.id)
    ledger.tick()
    with pytest.raises(Gone, match=job.id):
        ledger.read(job.id)
    ttl = ledger.redis.pttl(Key.GONE.of(job.id))
    assert 0 < ttl <= RETENTION.tombstone_ms
    ledger.redis.delete(Key.GONE.of(job.id))
    with pytest.raises(NotFound) as caught:
        ledger.read(job.id)
    assert not isinstance(caught.value, Gone)


def test_tombstone_of_another_tenant_says_nothing(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.succeed(job)
    ledger.let_pass(Key.FINISHED.of(), job.id)
    ledger.tick()
    with pytest.raises(NotFound) as caught:
        ledger.run(commands.jobs.read_job(job.id, "other"))
    assert not isinstance(caught.value, Gone)


def test_result_is_kept_as_long_as_it_should(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.report(job, {"done": 1})
    ledger.succeed(job, retention=Retention(result_ms=5_000, file_ms=1, tombstone_ms=1))
    finished = ledger.redis.zscore(Key.FINISHED.of(), job.id)
    assert isinstance(finished, float)
    now_ms = int(ledger.redis.time()[0]) * 1000
    assert 3_000 <= finished - now_ms <= 6_000
    for key in (Key.JOB.of(job.id), Key.EVENTS.of(job.id)):
        assert ledger.redis.pttl(key) == -1, "the tick forgets all of a job at once"


def test_many_expired_jobs_go_in_bounded_steps(ledger: Ledger) -> None:
    step = CONSTANTS["TICK_BATCH"]
    ids = [ledger.submit() for _ in range(2 * step + 1)]
    for job in ledger.claim(slots=len(ids)):
        ledger.report(job, {"done": 1})
        ledger.succeed(job)
    ledger.redis.zadd(Key.FINISHED.of(), dict.fromkeys(ids, 1))
    assert [ledger.tick().has_more for _ in range(3)] == [True, True, False]
    kinds = (Key.JOB.of(""), Key.EVENTS.of(""), Key.INDEX.of("SUCCESS", ""))
    left = sorted(ledger.keys())
    assert [one for one in left if one.startswith(kinds)] == []


def test_file_lives_as_long_as_an_unfinished_job_names_it(ledger: Ledger) -> None:
    ledger.add_file(FILE)
    first, second = ledger.start(files=(FILE,)), ledger.start(files=(FILE,))
    assert not ledger.run(commands.files.delete_file(FILE, TENANT, RETENTION))
    ledger.succeed(first)
    assert ledger.redis.zscore(Key.FILES.of(), FILE) is None
    ledger.fail(second)
    assert ledger.redis.zscore(Key.FILES.of(), FILE) is not None
    assert ledger.run(commands.files.delete_file(FILE, TENANT, RETENTION))
    with pytest.raises(Gone, match=FILE):
        ledger.run(commands.files.read_files(TENANT, [FILE]))
    with pytest.raises(NotFound, match=OTHER):
        ledger.run(commands.files.delete_file(OTHER, TENANT, RETENTION))


def test_artifact_outlives_its_maker_while_an_unfinished_job_names_it(ledger: Ledger) -> None:
    maker = ledger.start()
    ledger.succeed(maker, artifacts=[ARTIFACT])
    user = ledger.start(files=(ARTIFACT.id,))
    ledger.let_pass(Key.FINISHED.of(), maker.id)
    ledger.tick()
    (file,) = ledger.run(commands.files.read_files(TENANT, [ARTIFACT.id]))
    assert file.job_id is None
    assert ledger.run(commands.files.trash()) == []
    ledger.succeed(user)
    ledger.let_pass(Key.FILES.of(), ARTIFACT.id)
    ledger.tick()
    assert ledger.run(commands.files.trash()) == [ARTIFACT.id]
    assert not ledger.redis.exists(Key.FILE.of(ARTIFACT.id))


def test_trash_is_emptied_step_by_step(ledger: Ledger) -> None:
    ledger.add_file(FILE)
    ledger.run(commands.files.delete_file(FILE, TENANT, RETENTION))
    assert ledger.run(commands.files.trash()) == [FILE]
    assert ledger.run(commands.files.trash([FILE])) == []


def test_full_memory_stops_no_job_that_was_accepted(ledger: Ledger) -> None:
    names = ("succeed", "fail", "retry", "stop", "rescue", "release")
    jobs = {name: ledger.start() for name in names}
    waiting, cancelled, scheduled = ledger.submit(), ledger.submit(), ledger.submit(delay_ms=60_000)
    ledger.tick()
    ledger.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(LedgerUnavailable):
            ledger.submit()
        ledger.tick()
        ledger.run(commands.jobs.read_job(waiting, TENANT, subscriber="p1"))
        assert ledger.renew(jobs["succeed"]).current == 1
        ended: dict[str, Any] = {name: getattr(ledger, name)(job) for name, job in jobs.items()}
        ledger.cancel(cancelled)
        ledger.run(commands.jobs.read_job(cancelled, TENANT, note=True))
        ledger.let_pass(Key.DUE.of("default"), scheduled)
    except LedgerUnavailable as error:
        pytest.fail(str(error))
    except Exception as error:  # let_pass writes by itself
        if "maxmemory" not in str(error):
            raise
        ledger.redis.config_set("maxmemory", "0")
        ledger.let_pass(Key.DUE.of("default"), scheduled)
        ledger.redis.config_set("maxmemory", "1")
    try:
        ledger.tick()
        ids = {job.id for job in ledger.claim(slots=100)}
    finally:
        ledger.redis.config_set("maxmemory", "0")
    assert [ended[name].state for name in names[:5]] == ["SUCCESS", "FAILURE", "RETRY", "REVOKED", "RETRY"]
    assert ids == {waiting, scheduled, jobs["retry"].id, jobs["rescue"].id, jobs["release"].id}
    assert (ledger.read(cancelled).state, ledger.read(cancelled).answered) == (State.REVOKED, True)


def test_reserved_upload_that_nobody_records_goes_to_the_trash(ledger: Ledger) -> None:
    """A process that dies between the last byte and the record of an upload leaves bytes that nobody owns."""
    ledger.run(commands.files.reserve_file(FILE))
    ledger.tick()
    assert ledger.run(commands.files.trash()) == []
    ledger.let_pass(Key.FILES.of(), FILE)
    ledger.tick()
    assert ledger.run(commands.files.trash()) == [FILE]
    assert not ledger.redis.exists(Key.GONE.of(FILE))


def test_upload_is_not_recorded_after_its_reservation(ledger: Ledger) -> None:
    """Its bytes may be gone by then: a record would promise a file that cannot be read."""
    command = commands.files.add_file(
        FILE, TENANT, name="a", media_type="a/b", size_bytes=1, sha256="0", retention=RETENTION
    )
    with pytest.raises(LedgerUnavailable, match="not recorded in time"):
        ledger.run(command)
    assert not ledger.redis.exists(Key.FILE.of(FILE))


def test_tombstone_of_one_kind_says_nothing_of_another(ledger: Ledger) -> None:
    """The id of a deleted file is no expired job: 410 would tell a client that there was one."""
    ledger.add_file(FILE)
    ledger.run(commands.files.delete_file(FILE, TENANT, RETENTION))
    with pytest.raises(Gone):
        ledger.run(commands.files.read_files(TENANT, [FILE]))
    with pytest.raises(NotFound) as no_job:
        ledger.run(commands.jobs.read_job(FILE, TENANT))
    with pytest.raises(NotFound) as no_batch:
        ledger.run(commands.batches.read_batch(FILE, TENANT))
    assert not isinstance(no_job.value, Gone)
    assert not isinstance(no_batch.value, Gone)
