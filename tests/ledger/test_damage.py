"""One damaged record, message or entry is skipped; every other job is read."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from jobline.domain.event import EventType
from jobline.domain.record import Unreadable
from jobline.ledger.connect import Connector
from jobline.ledger.feed import FeedReader
from jobline.ledger.keys import Key
from jobline.ledger.subscription import Subscription
from tests.support.ledger import Ledger


def test_list_goes_on_after_a_damaged_job(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """One job with a time beyond the calendar took the list away from its whole tenant."""
    ids = [ledger.submit() for _ in range(3)]
    ledger.redis.hset(Key.JOB.of(ids[1]), "tags", "no list")

    with caplog.at_level(logging.WARNING):
        page = ledger.page()

    assert [record.id for record in page.records] == [ids[2], ids[0]]
    assert "Skipped a damaged record" in caplog.text
    with pytest.raises(Unreadable):
        ledger.read(ids[1])


def test_history_goes_on_after_a_damaged_line(ledger: Ledger) -> None:
    job_id = ledger.submit()
    ledger.claim()
    ledger.redis.rpush(Key.EVENTS.of(job_id), "garbage")
    assert ledger.events(job_id) == [EventType.CREATED, EventType.STARTED]


GARBAGE: list[dict[Any, Any]] = [
    {"x": "y"}, {"event": ""}, {"event": "a b c d e"}, {"event": "job.created id public:a.b:q"},
    {"event": "job.created id nowhere  {}"},
]  # fmt: skip


async def test_feed_goes_on_after_garbage(ledger: Ledger, redis_url: str) -> None:
    reader = FeedReader(Connector(redis_url))
    try:
        await reader.skip_to_end()
        for entry in GARBAGE:
            ledger.redis.xadd(Key.FEED.of(), entry)
        job_id = ledger.submit()
        entries = await reader.read()
        assert [entry.job_id for entry in entries] == [job_id.encode()]
    finally:
        await reader.close()


async def test_subscription_goes_on_after_garbage(ledger: Ledger, redis_url: str) -> None:
    """One message that nobody could read ended the process's only listener, for all tenants."""
    told: list[str] = []
    is_told = asyncio.Event()

    def tell(job_id: str, text: bytes) -> None:
        text.split(b" ", 2)[1]
        told.append(job_id)
        is_told.set()

    subscription = Subscription(Connector(redis_url), "me", resumed=lambda: None, tell=tell)
    try:
        await subscription.ready()
        for message in (b"", b"\xff", b"\xff \xff", b"id nonsense"):
            ledger.redis.publish(Key.CHANNEL.of("me"), message)
        ledger.redis.publish(Key.CHANNEL.of("me"), b"job-1 1-1 job.created p:t:q {}")
        await asyncio.wait_for(is_told.wait(), 5)
        assert told == ["job-1"]
    finally:
        await subscription.close()
