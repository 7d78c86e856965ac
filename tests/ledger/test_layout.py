"""Two Joblines on one Redis: each has its own prefix, and sees nothing of the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from jobline.domain.errors import NotFound
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.connect import Connector
from jobline.ledger.feed import FeedReader
from jobline.ledger.keys import DEFAULT_LAYOUT, Key, Layout
from jobline.ledger.scripts import scripts_of
from jobline.ledger.store import Store
from jobline.ledger.subscription import PolledSubscription, Subscription
from tests.support.ledger import RETENTION, TENANT, Ledger

#: Prefixes that a template, a pattern or a quote in a script could trip over.
PREFIXES = ("shop:", "{shop}:", "{}:", "job:", "a-b_C9")


def order(job_id: str) -> Submission:
    return Submission(
        id=job_id, tenant=TENANT, task="demo.add", queue="default", input=b"{}", max_attempts=3,
        timeout_ms=60_000,
    )  # fmt: skip


def poll(subscription: PolledSubscription) -> str | None:
    """Return the next message, within five seconds."""
    give_up = time.monotonic() + 5
    while (message := subscription.poll(0.1)) is None and time.monotonic() < give_up:
        pass
    return message


@pytest.fixture(params=PREFIXES)
def other(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    made = Ledger(redis_url, Layout(request.param))
    yield made
    made.close()


def test_job_of_one_prefix_is_never_seen_under_another(ledger: Ledger, other: Ledger) -> None:
    here, there = ledger.submit(id="here"), other.submit(id="there")
    assert [record.id for record in other.page().records] == [there]
    with pytest.raises(NotFound):
        other.read(here)
    assert other.run(commands.queues.read_queue("default")).depth == 1
    assert [job.id for job in other.claim(slots=10)] == [there]
    assert other.claim(slots=10) == []
    ledger.tick()
    assert ledger.waiting() == [here]
    assert other.run(commands.clock.workers()) == []


def test_every_key_begins_with_the_prefix(redis_url: str, other: Ledger) -> None:
    layout = other.layout
    for job in (other.start(), other.start(tags=("a",), idempotency="d", fingerprint="f")):
        other.report(job, {"n": 1})
        other.succeed(job, {"n": 1})
    other.submit(delay_ms=60_000)
    other.tick()
    keys = other.keys()
    assert len(keys) > 10
    assert [key for key in keys if not key.startswith(layout.prefix)] == []
    assert layout.key(Key.CLOCK) in keys


class Side:
    """Everything of one prefix that waits for events."""

    def __init__(self, url: str, prefix: str) -> None:
        connector = Connector(url, Layout(prefix))
        self.job = f"job-of-{prefix}"
        self.told: list[str] = []
        self.is_told = asyncio.Event()
        self.store, self.feed = Store(connector), FeedReader(connector)
        self.subscription = Subscription(connector, "me", resumed=lambda: None, tell=self.tell)

    def tell(self, job_id: str, text: bytes) -> None:
        self.told.append(job_id)
        self.is_told.set()

    async def close(self) -> None:
        for one in (self.store, self.feed, self.subscription):
            await one.close()


async def test_events_of_one_prefix_are_never_told_under_another(redis_url: str) -> None:
    sides = [Side(redis_url, prefix) for prefix in ("jl:", "shop:")]
    for side in sides:
        await side.subscription.ready()
        await side.feed.skip_to_end()
    for side in sides:
        await side.store.run(commands.submitting.submit(order(side.job), queue_limit=10, subscriber="me"))
        await side.store.run(commands.jobs.cancel(side.job, TENANT, RETENTION))
    async with asyncio.timeout(5):
        for side in sides:
            assert {entry.job_id.decode() for entry in await side.feed.read()} == {side.job}
            await side.is_told.wait()
    for side in sides:
        assert set(side.told) == {side.job}
        await side.close()


def test_cancel_reaches_the_workers_of_its_prefix_alone(redis_url: str) -> None:
    ledgers = [Ledger(redis_url, Layout(prefix)) for prefix in ("jl:", "shop:")]
    with ledgers[0].recorder.subscribe("w1") as here, ledgers[1].recorder.subscribe("w1") as there:
        jobs = [ledger.start() for ledger in ledgers]
        ledgers[1].cancel(jobs[1].id)
        assert poll(there) == jobs[1].id
        assert here.poll() is None
    for ledger in ledgers:
        ledger.close()


def test_scripts_of_a_layout_are_compiled_once() -> None:
    scripts = scripts_of(DEFAULT_LAYOUT)
    assert scripts_of(Layout()) is scripts
    script = commands.jobs.CANCEL
    assert scripts[script] is scripts[script]
    assert scripts_of(Layout("shop:"))[script].sha != scripts[script].sha
