"""The one connection to the ledger: what goes out together, what is asked again, what is given up."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import redis

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.errors import LedgerUnavailable, NotFound
from jobline.domain.record import Record
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.ledger.commands.submitting import Receipt, Submitted
from jobline.ledger.connect import Connector
from jobline.ledger.keys import Key
from jobline.ledger.store import ANSWER_S, Store


def submit(job_id: str) -> Command[Receipt[Record]]:
    order = Submission(
        id=job_id, tenant="public", task="demo.add", queue="default", input=b"{}", max_attempts=1,
        timeout_ms=1_000,
    )  # fmt: skip
    return commands.submitting.submit(order, queue_limit=1_000_000)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    made = Store(Connector(redis_url))
    yield made
    await made.close()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def drop_clients(client: redis.Redis) -> None:
    client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_replies_find_who_asked(store: Store) -> None:
    receipts = await asyncio.gather(*(store.run(submit(f"job-{number}")) for number in range(300)))
    records = [receipt.record for receipt in receipts]
    assert [record and record.id for record in records] == [f"job-{number}" for number in range(300)]


async def test_what_is_asked_in_one_turn_goes_out_together(store: Store, client: redis.Redis) -> None:
    await store.run(submit("first"))
    reads = int(client.info("stats")["total_reads_processed"])
    await asyncio.gather(*(store.run(submit(f"job-{number}")) for number in range(50)))
    assert int(client.info("stats")["total_reads_processed"]) - reads < 10


async def test_caller_that_went_away_takes_no_other_ones_reply(store: Store) -> None:
    await store.run(submit("first"))
    leaving = asyncio.create_task(store.run(submit("second")))
    await asyncio.sleep(0)  # it has asked
    leaving.cancel()
    with pytest.raises(NotFound):
        await store.run(commands.jobs.read_job("unknown", "public"))
    assert (await store.run(commands.jobs.read_job("second", "public"))).id == "second"


async def test_script_that_redis_forgot_is_taught_again(store: Store, client: redis.Redis) -> None:
    await store.run(submit("first"))
    client.script_flush()
    receipts = await asyncio.gather(*(store.run(submit(f"job-{number}")) for number in range(5)))
    assert {receipt.outcome for receipt in receipts} == {Submitted.CREATED}


async def test_refused_write_is_an_error_for_its_caller_alone(store: Store, client: redis.Redis) -> None:
    await store.run(submit("first"))
    client.set(Key.QUEUES.of(), "no hash")  # every submit now fails inside its script
    results = await asyncio.gather(
        store.run(submit("second")),
        store.run(commands.jobs.read_job("first", "public")),
        return_exceptions=True,
    )
    assert isinstance(results[0], LedgerUnavailable)
    assert not isinstance(results[1], BaseException)


async def test_command_on_a_dropped_connection_is_asked_again(store: Store, client: redis.Redis) -> None:
    await store.run(submit("first"))
    for number in range(5):
        drop_clients(client)
        assert (await store.run(submit(f"job-{number}"))).outcome is Submitted.CREATED


async def test_frozen_redis_is_an_error_in_time_and_no_longer(
    store: Store, redis_server: EmbeddedRedis
) -> None:
    await store.run(submit("first"))
    with frozen(redis_server):
        for _ in range(2):
            began = time.monotonic()
            results = await asyncio.gather(
                *(store.run(submit(f"job-{number}")) for number in range(3)), return_exceptions=True
            )
            assert all(isinstance(one, LedgerUnavailable) for one in results)
            assert time.monotonic() - began < ANSWER_S + 0.5
    assert (await store.run(submit("last"))).outcome is Submitted.CREATED


async def test_no_server_is_an_error_at_once() -> None:
    store = Store(Connector("redis://127.0.0.1:1"))
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable):
        await store.run(submit("job"))
    assert time.monotonic() - began < ANSWER_S
    await store.close()


async def test_closing_tells_whoever_waits(store: Store, redis_server: EmbeddedRedis) -> None:
    await store.run(submit("first"))
    with frozen(redis_server):
        waiting = asyncio.create_task(store.run(submit("second")))
        await asyncio.sleep(0)  # it has asked
        await store.close()
        with pytest.raises(LedgerUnavailable):
            await waiting
