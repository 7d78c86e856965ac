"""Which job is next: priorities, the order of submits, due times, start deadlines, pauses."""

from __future__ import annotations

from jobline.domain.state import State
from jobline.ledger.keys import Key
from jobline.ledger.scripts import CONSTANTS
from tests.support.ledger import Ledger


def order_of(ledger: Ledger, *queues: str, slots: int = 100) -> list[str]:
    return [job.id for job in ledger.claim(*queues, slots=slots)]


def test_higher_priority_first_then_first_come_first_served(ledger: Ledger) -> None:
    submitted = [(priority, ledger.submit(priority=priority)) for priority in [*range(10), *range(10)]]
    expected = [job_id for _, job_id in sorted(submitted, key=lambda one: (-one[0], one[1]))]
    assert order_of(ledger) == expected


def test_claims_take_only_as_many_as_there_are_slots(ledger: Ledger) -> None:
    ids = [ledger.submit() for _ in range(5)]
    assert [len(ledger.claim(slots=2)) for _ in range(4)] == [2, 2, 1, 0]
    assert {ledger.read(job_id).state for job_id in ids} == {State.STARTED}


def test_queues_are_served_in_the_given_order(ledger: Ledger) -> None:
    last, first = ledger.submit(queue="b"), ledger.submit(queue="a")
    ledger.submit(queue="none-asked-for")
    assert order_of(ledger, "a", "b") == [first, last]


def test_paused_queue_gives_nothing(ledger: Ledger) -> None:
    job_id = ledger.submit()
    ledger.redis.sadd(Key.PAUSED.of(), "default")
    assert ledger.claim() == []
    ledger.redis.srem(Key.PAUSED.of(), "default")
    assert order_of(ledger) == [job_id]


def test_claim_carries_what_the_attempt_needs(ledger: Ledger) -> None:
    job_id = ledger.submit(
        queue="media", task="image.process", max_attempts=7, timeout_ms=1234, input=b'{"a":[]}'
    )
    (job,) = ledger.claim("media")
    assert (job.id, job.task, job.queue, job.attempt, job.max_attempts, job.timeout_ms, job.input) == (
        job_id, "image.process", "media", 1, 7, 1234, b'{"a":[]}',
    )  # fmt: skip
    assert ledger.events(job_id) == ["job.created", "job.started"]
    assert ledger.read(job_id).started_at is not None


def test_scheduled_job_waits_for_its_time(ledger: Ledger) -> None:
    job_id = ledger.submit(delay_ms=60_000)
    ledger.tick()
    assert ledger.claim() == []
    ledger.let_pass(Key.DUE.of("default"), job_id)
    ledger.tick()
    assert order_of(ledger) == [job_id]


def test_due_jobs_stand_in_the_order_of_their_times_behind_those_that_wait(ledger: Ledger) -> None:
    due = [ledger.submit(delay_ms=60_000) for _ in range(3)]
    waiting, urgent = ledger.submit(), ledger.submit(delay_ms=60_000, priority=9)
    for moment, job_id in enumerate([*reversed(due), urgent], start=1):
        ledger.redis.zadd(Key.DUE.of("default"), {job_id: moment})
    ledger.tick()
    assert order_of(ledger) == [urgent, waiting, *reversed(due)]


def test_time_in_the_past_is_now(ledger: Ledger) -> None:
    job_id = ledger.submit(run_at_ms=1)
    assert order_of(ledger) == [job_id]


def test_many_due_jobs_are_brought_in_several_ticks(ledger: Ledger) -> None:
    ids = [ledger.submit(delay_ms=60_000) for _ in range(2 * CONSTANTS["TICK_BATCH"] + 1)]
    ledger.redis.zadd(Key.DUE.of("default"), dict.fromkeys(ids, 1))
    assert [ledger.tick().has_more for _ in range(3)] == [True, True, False]
    assert sorted(ledger.waiting()) == sorted(ids)


def test_waiting_job_expires_by_the_tick(ledger: Ledger) -> None:
    job_id, other = ledger.submit(expires_in_ms=60_000), ledger.submit(expires_in_ms=60_000)
    ledger.let_pass(Key.START_BY.of(), job_id)
    ledger.tick()
    record = ledger.read(job_id)
    assert record.error is not None
    assert (record.state, record.error.code, record.attempt) == (State.REVOKED, "expired", 0)
    assert ledger.events(job_id) == ["job.created", "job.revoked"]
    assert order_of(ledger) == [other]


def test_scheduled_job_expires_too(ledger: Ledger) -> None:
    job_id = ledger.submit(expires_in_ms=60_000, delay_ms=90_000)
    ledger.let_pass(Key.START_BY.of(), job_id)
    ledger.tick()
    assert ledger.read(job_id).state is State.REVOKED
    assert not ledger.redis.exists(Key.DUE.of("default"))


def test_claim_itself_does_not_start_an_expired_job(ledger: Ledger) -> None:
    """The tick may be late; the slot goes to the next job."""
    job_id, other = ledger.submit(expires_in_ms=0), ledger.submit()
    assert order_of(ledger, slots=1) == [other]
    assert ledger.read(job_id).state is State.REVOKED
    assert not ledger.redis.exists(Key.START_BY.of())


def test_job_that_began_in_time_does_not_expire(ledger: Ledger) -> None:
    job = ledger.start(expires_in_ms=60_000)
    ledger.redis.hset(Key.JOB.of(job.id), "start_by", 1)
    ledger.tick()
    assert ledger.retry(job).state is State.RETRY
    assert order_of(ledger) == [job.id]


def test_released_first_attempt_can_expire_again(ledger: Ledger) -> None:
    job = ledger.start(expires_in_ms=60_000)
    ledger.release(job)
    ledger.let_pass(Key.START_BY.of(), job.id)
    ledger.tick()
    assert ledger.read(job.id).state is State.REVOKED
    assert not ledger.redis.exists(Key.START_BY.of(), Key.WAITING.of("default", "public"))


def test_expired_jobs_in_front_do_not_hide_the_others(ledger: Ledger) -> None:
    for _ in range(50):
        ledger.submit(expires_in_ms=0)
    job_id = ledger.submit()
    assert order_of(ledger, slots=1) == [job_id]


def test_each_submit_wakes_an_idle_worker_and_tokens_are_bounded(ledger: Ledger) -> None:
    for _ in range(100):
        ledger.submit()
    assert ledger.redis.llen(Key.WAKE.of("default")) == 64
    ledger.submit(queue="other", delay_ms=60_000)
    assert not ledger.redis.exists(Key.WAKE.of("other"))


def test_stamps_are_unique_and_rise(ledger: Ledger) -> None:
    stamps = [ledger.read(ledger.submit()).stamp for _ in range(300)]
    assert stamps == sorted(set(stamps))


def test_stamps_rise_even_when_the_clock_was_set_back(ledger: Ledger) -> None:
    seconds, _ = ledger.redis.time()
    ahead = (int(seconds) + 3600) * 1_000_000
    ledger.redis.set(Key.CLOCK.of(), ahead)
    ids = [ledger.submit() for _ in range(3)]
    assert [ledger.read(job_id).stamp for job_id in ids] == [ahead + 1, ahead + 2, ahead + 3]
    assert order_of(ledger) == ids
