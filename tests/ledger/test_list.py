"""list: pages of jobs, newest first, as a plain sort returns them, and stable while jobs come and move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.batches import BatchOrder
from jobline.ledger.keys import Key
from tests.support.ledger import TENANT, Ledger

TASKS, QUEUES, TAGS = ("a.one", "a.two", "b.one"), ("default", "media"), ("red", "blue")
FILTERS = ("state", "task", "queue", "tag")
#: What happens to one job: how far it comes.
STATES = (State.PENDING, State.STARTED, State.RETRY, State.SUCCESS, State.FAILURE, State.REVOKED)

made_jobs = some.lists(
    some.tuples(
        some.sampled_from(TASKS),
        some.sampled_from(QUEUES),
        some.sets(some.sampled_from(TAGS)),
        some.sampled_from(STATES),
    ),
    max_size=25,
)
filters = some.fixed_dictionaries(
    {},
    optional={
        "state": some.sampled_from([state.value for state in State]),
        "task": some.sampled_from([*TASKS, "no.such"]),
        "queue": some.sampled_from([*QUEUES, "none"]),
        "tag": some.sampled_from([*TAGS, "none"]),
    },
)


def pages(ledger: Ledger, **filters: Any) -> Iterator[list[str]]:
    below = ""
    while True:
        page = ledger.page(below_stamp=below, **filters)
        yield [record.id for record in page.records]
        if not page.next_stamp:
            return
        below = page.next_stamp


def bring(ledger: Ledger, task: str, queue: str, tags: set[str], state: State) -> dict[str, Any]:
    """Create one job and move it to a state."""
    job_id = ledger.submit(task=task, queue=queue, tags=tuple(sorted(tags)))
    if state is State.REVOKED:
        ledger.cancel(job_id)
    elif state is not State.PENDING:
        # Only this one can be claimed: all that came before wait with a higher number in another queue.
        ledger.redis.zadd(Key.WAITING.of(queue, "public"), {job_id: -1})
        (job,) = ledger.claim(queue)
        assert job.id == job_id
        if state is State.RETRY:
            ledger.retry(job, delay_ms=60_000)
        elif state is State.SUCCESS:
            ledger.succeed(job)
        elif state is State.FAILURE:
            ledger.fail(job)
    return {"id": job_id, "state": state, "task": task, "queue": queue, "tags": tags}


def fits(job: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(
        value in job["tags"] if name == "tag" else job[name] == value for name, value in wanted.items()
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made_jobs, filters, some.integers(1, 7))
def test_pages_are_what_a_plain_sort_gives(
    ledger: Ledger, wanted_jobs: list[Any], wanted: dict[str, str], limit: int
) -> None:
    ledger.redis.flushall()
    jobs = [bring(ledger, *one) for one in wanted_jobs]
    expected = [job["id"] for job in reversed(jobs) if fits(job, wanted)]
    found = list(pages(ledger, limit=limit, **wanted))
    assert [job_id for page in found for job_id in page] == expected
    assert all(len(page) <= limit for page in found)
    if "tag" not in wanted:
        assert all(len(page) == limit for page in found[:-1])


@pytest.fixture
def jobs(ledger: Ledger) -> list[str]:
    return [
        bring(ledger, TASKS[number % 3], QUEUES[number % 2], {TAGS[number % 2]}, STATES[number % 6])["id"]
        for number in range(24)
    ]


def test_pages_stand_still_while_jobs_come_and_move(ledger: Ledger, jobs: list[str]) -> None:
    seen: list[str] = []
    for page in pages(ledger, limit=5):
        seen += page
        ledger.submit(task="b.one")
        for job in ledger.claim(*QUEUES):
            ledger.succeed(job)
    assert seen == jobs[::-1]


def test_time_bounds_cut_at_their_stamps(ledger: Ledger, jobs: list[str]) -> None:
    stamps = {job_id: ledger.read(job_id).stamp for job_id in jobs}
    found = ledger.page(below_stamp=str(stamps[jobs[20]]), from_stamp=str(stamps[jobs[10]]))
    assert [record.id for record in found.records] == jobs[19:9:-1]
    assert found.next_stamp == ""
    tagged = ledger.page(below_stamp=str(stamps[jobs[20]]), from_stamp=str(stamps[jobs[10]]), tag=TAGS[0])
    assert [record.id for record in tagged.records] == jobs[18:9:-2]


def test_batch_is_its_own_jobs_among_all_others(ledger: Ledger) -> None:
    ledger.submit(tags=("red",))
    jobs = [ledger.order(task=TASKS[number % 3], tags=("red",) * (number % 2)) for number in range(9)]
    ledger.run(commands.batches.submit_batch(BatchOrder(id="b", tenant=TENANT, jobs=jobs), queue_limit=100))
    ledger.submit(tags=("red",))
    newest = [job.id for job in reversed(jobs)]
    assert [job_id for page in pages(ledger, limit=4, batch_id="b") for job_id in page] == newest
    assert list(pages(ledger, limit=5, batch_id="b", tag="red")) == [newest[1::2]]
    assert list(pages(ledger, limit=5, batch_id="b", task=TASKS[0])) == [newest[2::3]]
    assert ledger.run(commands.jobs.list_jobs("other", limit=5, batch_id="b")).records == []
    assert list(pages(ledger, limit=5, batch_id="none")) == [[]]


def test_items_hold_all_but_input_and_result(ledger: Ledger) -> None:
    job = ledger.start(tags=("a",))
    ledger.succeed(job, {"b": 1})
    (item,) = ledger.page().records
    whole = ledger.read(job.id)
    assert (item.input, item.result) == (None, None)
    assert (item.state, item.tags, item.finished_at, item.stamp) == (
        whole.state, whole.tags, whole.finished_at, whole.stamp,
    )  # fmt: skip


def test_other_tenants_are_not_seen(ledger: Ledger) -> None:
    mine = ledger.submit(tags=("a",))
    theirs = ledger.submit(tags=("a",), tenant="other")
    assert [record.id for record in ledger.page().records] == [mine]
    assert [record.id for record in ledger.page(tag="a").records] == [mine]
    other = ledger.run(commands.jobs.list_jobs("other", limit=5))
    assert [record.id for record in other.records] == [theirs]


def test_rare_match_under_a_common_tag_is_found_at_once(ledger: Ledger) -> None:
    rare = ledger.submit(tags=("a",), task="rare.one")
    for _ in range(100):
        ledger.submit(tags=("a",))
    found = list(pages(ledger, limit=2, tag="a", task="rare.one"))
    assert found == [[rare]]


def test_empty_ledger_has_one_empty_page(ledger: Ledger) -> None:
    assert list(pages(ledger, limit=5)) == [[]]
    assert list(pages(ledger, limit=5, tag="a")) == [[]]


def test_indexes_that_are_empty_are_forgotten(ledger: Ledger) -> None:
    job = ledger.start()
    ledger.succeed(job)
    ledger.page()
    assert ledger.redis.smembers(Key.INDEXES.of(TENANT)) == {b"SUCCESS:public:demo.add:default"}
