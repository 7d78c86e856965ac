"""The version of the ledger: noted once, checked by every new connection, refused with what to do."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from jobline.domain.errors import LedgerVersion
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.connect import Connector
from jobline.ledger.feed import FeedReader
from jobline.ledger.keys import LAYOUT_VERSION, Key, Layout
from jobline.ledger.recorder import Recorder
from jobline.ledger.store import ANSWER_S, Store
from jobline.ledger.subscription import Subscription
from tests.support.ledger import RETENTION, TENANT, Ledger

READ = commands.clock.workers()
VERSION = Key.VERSION.of()
NEWER, OLDER = LAYOUT_VERSION + 1, LAYOUT_VERSION - 1


@pytest.fixture
def recorder(redis_url: str) -> Iterator[Recorder]:
    made = Recorder(Connector(redis_url))
    yield made
    made.close()


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    made = Store(Connector(redis_url))
    yield made
    await made.close()


def evals(ledger: Ledger, act: Callable[[], object]) -> int:
    ledger.redis.config_resetstat()
    act()
    found: dict[str, Any] = ledger.redis.info("commandstats")
    return int(found.get("cmdstat_eval", {"calls": 0})["calls"])


def test_first_connection_notes_the_version(ledger: Ledger, recorder: Recorder) -> None:
    recorder.run(READ)
    assert ledger.redis.get(VERSION) == str(LAYOUT_VERSION).encode()
    assert ledger.redis.pttl(VERSION) == -1


async def test_store_notes_the_version_too(ledger: Ledger, store: Store) -> None:
    ledger.redis.delete(VERSION)
    await store.run(READ)
    assert ledger.redis.get(VERSION) == str(LAYOUT_VERSION).encode()


def test_version_is_checked_once_a_connection(ledger: Ledger, recorder: Recorder) -> None:
    recorder.run(READ)  # Redis has the script from now on
    recorder.close()
    assert evals(ledger, lambda: [recorder.run(READ) for _ in range(5)]) == 1


@pytest.mark.parametrize(("found", "hint"), [(NEWER, "upgrade Jobline"), (OLDER, "finish its jobs")])
def test_recorder_refuses_another_version(ledger: Ledger, recorder: Recorder, found: int, hint: str) -> None:
    ledger.redis.set(VERSION, found)
    for _ in range(2):
        with pytest.raises(LedgerVersion) as refused:
            recorder.run(READ)
    message = str(refused.value)
    assert "\n" not in message
    for word in (f"has version {found}", f"reads version {LAYOUT_VERSION}", "jl:", hint, "JOBLINE_PREFIX"):
        assert word in message
    ledger.redis.set(VERSION, LAYOUT_VERSION)
    assert recorder.run(READ) == []


async def test_store_refuses_another_version_at_once(ledger: Ledger, store: Store) -> None:
    ledger.redis.set(VERSION, NEWER)
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(LedgerVersion, match=f"has version {NEWER}"):
            await store.run(READ)
        assert time.monotonic() - began < ANSWER_S / 2
    ledger.redis.set(VERSION, LAYOUT_VERSION)
    assert await store.run(READ) == []


async def test_subscription_and_feed_refuse_another_version(redis_url: str, ledger: Ledger) -> None:
    ledger.redis.set(VERSION, NEWER)
    connector = Connector(redis_url)
    feed = FeedReader(connector)
    subscription = Subscription(connector, "me", resumed=lambda: None, tell=lambda *_: None)
    began = time.monotonic()
    with pytest.raises(LedgerVersion):
        await subscription.ready()
    with pytest.raises(LedgerVersion):
        await feed.skip_to_end()
    assert time.monotonic() - began < ANSWER_S / 2
    ledger.redis.set(VERSION, LAYOUT_VERSION)
    await feed.skip_to_end()
    while True:
        try:
            await subscription.ready()
        except LedgerVersion:
            assert time.monotonic() - began < 5, "it never subscribed"
            await feed.read_results([b"some"])  # a round trip, no busy loop
        else:
            break
    await subscription.close()
    await feed.close()


def test_polled_subscription_refuses_another_version(ledger: Ledger, recorder: Recorder) -> None:
    ledger.redis.set(VERSION, NEWER)
    with pytest.raises(LedgerVersion), recorder.subscribe("me"):
        pass


def test_retries_end_at_another_version(ledger: Ledger, recorder: Recorder) -> None:
    ledger.redis.set(VERSION, NEWER)
    began = time.monotonic()
    with pytest.raises(LedgerVersion):
        recorder.run_with_retries(READ)
    assert time.monotonic() - began < 1


def test_ledger_with_jobs_and_no_version_is_older(ledger: Ledger, recorder: Recorder) -> None:
    ledger.submit()
    ledger.redis.delete(VERSION)
    with pytest.raises(LedgerVersion, match="has version 0"):
        recorder.run(READ)


def test_emptied_ledger_gets_the_version_with_its_first_job(ledger: Ledger, recorder: Recorder) -> None:
    ledger.submit()
    ledger.redis.flushdb()  # the connection stays open
    ledger.submit()
    assert ledger.redis.get(VERSION) == str(LAYOUT_VERSION).encode()
    recorder.run(READ)


def test_newer_code_refuses_this_ledger(redis_url: str, ledger: Ledger) -> None:
    ledger.submit()
    newer = Recorder(Connector(redis_url, Layout(version=NEWER)))
    with pytest.raises(
        LedgerVersion, match=f"has version {LAYOUT_VERSION}, this program reads version {NEWER}"
    ):
        newer.run(READ)
    newer.close()


def test_other_prefix_has_a_version_of_its_own(redis_url: str, ledger: Ledger) -> None:
    ledger.redis.set(VERSION, NEWER)
    other = Ledger(redis_url, Layout("shop:"))
    other.succeed(other.start())
    assert other.redis.get("shop:version") == str(LAYOUT_VERSION).encode()
    other.close()


def test_full_redis_is_read_from_a_new_connection(redis_url: str, ledger: Ledger, recorder: Recorder) -> None:
    job = ledger.start()
    empty = Recorder(Connector(redis_url, Layout("empty:")))
    ledger.redis.config_set("maxmemory", "1")
    try:
        assert recorder.run(commands.jobs.read_job(job.id, TENANT)).state is State.STARTED
        settled = recorder.run(commands.attempts.succeed(job.id, job.fence, "1", (), RETENTION))
        assert settled.is_current
        assert empty.run(READ) == []
    finally:
        ledger.redis.config_set("maxmemory", "0")
        empty.close()
    assert ledger.redis.exists("empty:version") == 0
