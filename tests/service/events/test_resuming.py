"""Resumed streams: no event is lost or repeated, and a reset replaces events that are no longer stored."""

from __future__ import annotations

import asyncio
import random

import pytest

from jobline.cli.embedded import EmbeddedRedis
from jobline.ledger.keys import Key
from jobline.service.shapes.events import JobEvent
from tests.support.service import Worker
from tests.support.streaming import Api, Listener, events_of, get, history, progress, report, submit
from tests.support.waiting import DEADLINE_S, until


@pytest.mark.parametrize("by", ["header", "query", "both"])
async def test_stream_goes_on_after_the_last_event_known(api: Api, worker: Worker, by: str) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    ids = history(worker, job_id)
    url, headers = events_of(api, job_id), {}
    if by in {"query", "both"}:
        url += f"?after={ids[0 if by == 'query' else 1]}"
    if by in {"header", "both"}:
        headers["Last-Event-ID"] = ids[0]
    answer = await get(url, headers=headers)
    assert [line[4:] for line in answer.text.splitlines() if line.startswith("id: ")] == ids[1:]


async def test_client_that_is_disconnected_repeatedly_sees_each_event_once(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    chance = random.Random(4)  # noqa: S311 - a test's
    listener = Listener(events_of(api, job_id))
    patience = 0

    def enough() -> bool:
        nonlocal patience
        patience -= 1
        return patience < 0 and listener.kinds[-1] != "job.succeeded"

    async def listen() -> None:
        nonlocal patience
        while "job.succeeded" not in listener.kinds:
            patience = chance.randrange(40)
            await listener.listen(until=enough, pause_s=0)

    listening = asyncio.create_task(listen())
    for number in range(1000):
        report(worker, job, progress(number))
        if chance.random() < 0.2:
            await asyncio.sleep(chance.random() / 100)
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(listening, DEADLINE_S)

    assert listener.connections > 20
    assert listener.ids == history(worker, job_id)
    done = [one["data"]["progress"]["done"] for one in listener.contents if one["type"] == "job.progress"]
    assert done == list(range(1000))


async def test_restart_of_the_api_leaves_no_gap(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    one, all_jobs = Listener(events_of(api, job_id)), Listener(f"{api.url}/v1/events?after=0")
    listening = [
        asyncio.create_task(one.listen()),
        asyncio.create_task(all_jobs.listen(until=lambda: all_jobs.kinds[-1] == "job.succeeded")),
    ]
    for number in range(300):
        report(worker, job, progress(number))
        await asyncio.sleep(0.002)
        if number in {100, 200}:
            await api.stop()
            report(worker, job, progress(1000 + number))
            await api.start()
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)

    assert one.connections > 2
    assert one.ids == history(worker, job_id)
    assert all_jobs.ids == history(worker, job_id)


async def test_broken_subscription_and_redis_that_restarts_leave_no_gap(
    api: Api, worker: Worker, redis_server: EmbeddedRedis
) -> None:
    job_id = await submit(api)
    one, all_jobs = Listener(events_of(api, job_id)), Listener(f"{api.url}/v1/events?after=0")
    listening = [
        asyncio.create_task(one.listen()),
        asyncio.create_task(all_jobs.listen(until=lambda: all_jobs.kinds[-1] == "job.succeeded")),
    ]
    await until(lambda: bool(one.events and all_jobs.events))
    job = worker.claim()
    worker.redis.client_kill_filter(_type="pubsub")
    report(worker, job, progress(1))
    await until(lambda: "job.progress" in one.kinds and "job.progress" in all_jobs.kinds)
    redis_server.stop()
    redis_server.start()
    report(worker, job, progress(2))
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)

    assert one.ids == all_jobs.ids == history(worker, job_id)
    assert one.connections == 2  # the second one is answered by 204
    assert all_jobs.connections == 1


async def test_events_that_are_no_longer_kept_are_a_reset_with_the_job(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    for number in range(1200):
        report(worker, job, progress(number))
    ids = history(worker, job_id)
    url = events_of(api, job_id)
    lost, fresh, known = (
        Listener(f"{url}?after={ids[50]}"),
        Listener(url),
        Listener(f"{url}?after={ids[1100]}"),
    )
    listening = [asyncio.create_task(one.listen()) for one in (lost, fresh, known)]
    await until(lambda: len(lost.events) > 1000)
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)

    ids = history(worker, job_id)
    for one in (lost, fresh):
        assert (one.kinds[0], one.kinds.count("reset")) == ("reset", 1)
        assert one.ids[1:] == ids[-1001:]
        data = one.contents[0]["data"]
        assert (data["job_id"], data["state"], data["attempt"]) == (job_id, "STARTED", 1)
        assert data["progress"] == progress(1199)
        JobEvent.model_validate(one.contents[0])
    assert known.ids == ids[1101:]


async def test_id_of_another_ledger_is_a_reset(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    one = Listener(f"{events_of(api, job_id)}?after=9999999999999-0")
    await asyncio.wait_for(one.listen(), DEADLINE_S)
    assert one.kinds == ["reset", "job.created", "job.started", "job.succeeded"]

    feed = Listener(f"{api.url}/v1/events?after=9999999999999-0")
    await asyncio.wait_for(feed.listen(until=lambda: len(feed.events) == 4), DEADLINE_S)
    assert feed.kinds == one.kinds
    assert feed.contents[0]["data"] is None


async def test_trimmed_feed_is_a_reset(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    ids = history(worker, job_id)
    worker.redis.xtrim(Key.FEED.of(), minid=ids[2], approximate=False)
    feed = Listener(f"{api.url}/v1/events?after={ids[0]}")
    await asyncio.wait_for(feed.listen(until=lambda: len(feed.events) == 2), DEADLINE_S)
    assert feed.kinds == ["reset", "job.succeeded"]


async def test_id_of_every_reset_is_taken_back(api: Api, worker: Worker) -> None:
    """A browser resumes with the last id it got; after a 422 it never connects again."""
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    ids = history(worker, job_id)
    worker.redis.xtrim(Key.FEED.of(), minid=ids[2], approximate=False)
    for url in (events_of(api, job_id), f"{api.url}/v1/events"):
        first = await listen_once(f"{url}?after=9999999999999-0", 2)
        assert first.kinds[0] == "reset"
        resumed = await listen_once(f"{url}?after={first.ids[0]}", 1)
        assert resumed.ids[0] == first.ids[1]


async def listen_once(url: str, events: int) -> Listener:
    one = Listener(url)
    await asyncio.wait_for(one.listen(until=lambda: len(one.events) >= events), DEADLINE_S)
    return one
