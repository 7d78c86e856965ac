from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import httpx
import pytest
from fastapi import FastAPI

from jobline.cli.embedded import EmbeddedRedis
from jobline.ledger import commands
from jobline.ledger.keys import Key
from jobline.service.events.dispatcher import Notification
from jobline.service.resources import Resources
from tests.support.service import ADD, RETENTION, Worker, running, waiting
from tests.support.waiting import DEADLINE_S, until


async def submit(client: httpx.AsyncClient, prefer: str = "") -> httpx.Response:
    headers = {"prefer": prefer} if prefer else {}
    return await client.post(ADD, json={"input": {"a": 1}}, headers=headers)


async def soon(asked: asyncio.Task[httpx.Response]) -> httpx.Response:
    """Return a response that must arrive long before the time to wait is over."""
    async with asyncio.timeout(DEADLINE_S):
        return await asked


async def test_job_that_ends_in_time_is_200_with_its_result(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    asked = asyncio.create_task(submit(client, "wait=20"))
    await until(waiting(worker, 1))
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await soon(asked)

    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=20"
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    assert answer.json()["result"] == {"total": 2.0}


async def test_failed_job_ends_the_wait_too(client: httpx.AsyncClient, worker: Worker) -> None:
    asked = asyncio.create_task(submit(client, "wait=20"))
    await until(waiting(worker, 1))
    worker.fail(worker.claim())
    answer = await soon(asked)

    assert (answer.status_code, answer.json()["state"]) == (200, "FAILURE")


async def test_job_that_does_not_end_in_time_is_202_as_it_is_then(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    begin = time.monotonic()
    asked = asyncio.create_task(submit(client, "wait=1"))
    await until(waiting(worker, 1))
    worker.claim()
    answer = await soon(asked)

    assert 1 <= time.monotonic() - begin < 3
    assert (answer.status_code, answer.json()["state"]) == (202, "STARTED")
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize(
    "prefer", ["respond-async", "wait=10, respond-async", "wait=x", "wait=-1", "wait=0", "a=b"]
)
async def test_preference_without_a_wait_does_not_wait(client: httpx.AsyncClient, prefer: str) -> None:
    begin = time.monotonic()
    answer = await submit(client, prefer)

    assert (answer.status_code, time.monotonic() - begin < 1) == (202, True)
    wanted = "respond-async" if "respond-async" in prefer else None
    assert answer.headers.get("preference-applied") == wanted


async def test_replay_waits_for_the_first_job(client: httpx.AsyncClient, worker: Worker) -> None:
    headers = {"idempotency-key": "k", "prefer": "wait=20"}
    body = {"input": {"a": 1}}
    first = await client.post(ADD, json=body, headers={"idempotency-key": "k"})
    asked = asyncio.create_task(client.post(ADD, json=body, headers=headers))
    await until(lambda: bool(worker.redis.hexists(Key.JOB.of(first.json()["id"]), "subscribers")))
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await soon(asked)

    assert (answer.status_code, answer.json()["id"]) == (200, first.json()["id"])
    assert answer.headers["idempotent-replayed"] == "true"


async def test_get_with_wait_answers_at_the_end(client: httpx.AsyncClient, worker: Worker) -> None:
    location = (await submit(client)).headers["location"]
    asked = asyncio.create_task(client.get(f"{location}?wait=20"))
    await until(lambda: bool(worker.redis.hexists(Key.JOB.of(location[9:]), "subscribers")))
    worker.succeed(worker.claim(), {"total": 2.0})

    assert (await soon(asked)).json()["state"] == "SUCCESS"
    assert (await client.get(f"{location}?wait=20")).json()["state"] == "SUCCESS"
    assert (await client.get(f"{location}?wait=61")).status_code == 422


async def test_two_hundred_waiting_clients_share_one_subscription(
    client: httpx.AsyncClient, worker: Worker, app: FastAPI
) -> None:
    others = {one["id"] for one in worker.redis.client_list()}
    asked = [asyncio.create_task(submit(client, "wait=30")) for _ in range(200)]
    await until(waiting(worker, 200))
    resources: Resources = app.state.resources
    channel = Key.CHANNEL.of(resources.dispatcher.name)
    subscribers = worker.redis.pubsub_numsub(channel)
    connections = worker.redis.client_list()
    begin = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    await asyncio.sleep(0.3)  # a span in which a poll would show
    still = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    for job in worker.run(
        commands.attempts.claim("w1", ["sums"], slots=200, lease_ms=30_000, retention=RETENTION)
    ):
        worker.succeed(job, {"total": 2.0})
    answers = [await soon(one) for one in asked]

    assert subscribers == [(channel.encode(), 1)]
    assert len({one["id"] for one in connections} - others) == 2, "the commands' and the subscription's"
    assert begin == still
    assert {answer.status_code for answer in answers} == {200}


async def test_end_during_a_broken_subscription_is_not_missed(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    asked = asyncio.create_task(submit(client, "wait=20"))
    await until(waiting(worker, 1))
    worker.redis.client_kill_filter(_type="pubsub")
    worker.succeed(worker.claim(), {"total": 2.0})
    begin = time.monotonic()

    assert (await soon(asked)).status_code == 200
    assert time.monotonic() - begin < 5


async def test_wait_survives_a_restart_of_redis(
    client: httpx.AsyncClient, worker: Worker, redis_server: EmbeddedRedis
) -> None:
    asked = asyncio.create_task(submit(client, "wait=20"))
    await until(waiting(worker, 1))
    redis_server.stop()
    redis_server.start()
    worker.succeed(worker.claim(), {"total": 2.0})

    assert (await soon(asked)).status_code == 200


async def test_stored_job_is_202_though_redis_stopped_while_its_client_waited(
    client: httpx.AsyncClient, worker: Worker, redis_server: EmbeddedRedis
) -> None:
    asked = asyncio.create_task(submit(client, "wait=1"))
    await until(waiting(worker, 1))
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        answer = await soon(asked)
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert answer.status_code == 202


async def test_shutdown_ends_every_wait_at_once(
    client: httpx.AsyncClient, worker: Worker, app: FastAPI
) -> None:
    asked = [asyncio.create_task(submit(client, "wait=30")) for _ in range(3)]
    await until(waiting(worker, 3))
    begin = time.monotonic()
    threading.Thread(target=app.state.shutdown.begin).start()
    answers = await asyncio.gather(*asked)
    late = await submit(client, "wait=30")

    assert [answer.status_code for answer in [*answers, late]] == [202] * 4
    assert time.monotonic() - begin < 2


async def test_service_starts_without_redis(app: FastAPI, redis_server: EmbeddedRedis) -> None:
    redis_server.kill()
    try:
        async with running(app) as client:
            assert (await client.get("/health/live")).status_code == 200
            answer = await submit(client, "wait=5")
            assert answer.status_code == 503
    finally:
        redis_server.start()


class Listener:
    """Collects notifications."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def notify(self, notification: Notification) -> None:
        self.kinds.append(notification.kind)


async def test_subscriber_is_notified_of_every_kind_of_event(
    client: httpx.AsyncClient, worker: Worker, app: FastAPI
) -> None:
    resources: Resources = app.state.resources
    job_id = (await submit(client)).json()["id"]
    await resources.dispatcher.ready()
    listener = Listener()
    resources.dispatcher.subscribe(job_id, listener)
    await resources.store.run(commands.jobs.read_job(job_id, "public", subscriber=resources.dispatcher.name))
    worker.succeed(worker.claim(), {"total": 2.0})
    await until(lambda: len(listener.kinds) == 2)
    resources.dispatcher.unsubscribe(job_id, listener)

    assert listener.kinds == ["job.started", "job.succeeded"]
