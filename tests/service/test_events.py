from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from jobs import commands
from jobs.commands import BatchOrder, Claimed
from jobs.event import Position
from jobs.record import Failure
from jobs.registry import Registry
from jobs.settings import Settings
from jobs.submission import Submission
from service.app import build_app
from service.embedded import EmbeddedRedis
from service.events import beats
from service.events.schema import JobEvent
from service.events.stream import BUFFER_BYTES, Stream
from tests.service import demo_tasks
from tests.service.conftest import LIVES, Worker
from tests.service.streaming import PLAIN, Api, Listener, serving

ADD = "/v1/tasks/demo.add/jobs"
PATIENCE_S = 20.0


@pytest.fixture
def make(redis_url: str, tmp_path: Path) -> Callable[[], FastAPI]:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
    return lambda: build_app(settings, Registry.of(demo_tasks.ALL))


@pytest.fixture
async def api(make: Callable[[], FastAPI]) -> AsyncIterator[Api]:
    async with serving(make) as api:
        yield api


async def submit(api: Api) -> str:
    async with httpx.AsyncClient(verify=PLAIN) as client:
        answer = await client.post(f"{api.url}{ADD}", json={"input": {"a": 1}})
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["id"]
    return job_id


async def get(url: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, verify=PLAIN) as client:
        return await client.get(url, **options)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)


def events_of(api: Api, job_id: str) -> str:
    return f"{api.url}/v1/jobs/{job_id}/events"


def report(worker: Worker, job: Claimed, content: Any, kind: str = "progress") -> None:
    assert worker.run(commands.report(job.id, job.fence, kind, json.dumps(content))).is_current


def progress(done: int, message: str = "") -> dict[str, Any]:
    return {"done": done, "total": None, "unit": "", "message": message}


def history(worker: Worker, job_id: str) -> list[str]:
    """Give the ids of all events that a job ever had."""
    entries: Any = worker.redis.xrange("jl:feed")
    return [id_.decode() for id_, fields in entries if fields[b"job"] == job_id.encode()]


def streams(api: Api) -> list[Stream]:
    return [stream for turn in api.resources.beats._turns for stream in turn]


async def test_stream_tells_a_job_from_its_first_event_to_its_last(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    listener = Listener(events_of(api, job_id))
    listening = asyncio.create_task(listener.listen())
    await until(lambda: listener.kinds == ["job.created"])
    job = worker.claim()
    report(worker, job, progress(1, "zwölf"))
    report(worker, job, {"level": "info", "message": "hello", "fields": {"size": 2**80}}, kind="log")
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(listening, PATIENCE_S)

    assert listener.kinds == ["job.created", "job.started", "job.progress", "job.log", "job.succeeded"]
    assert listener.ids == history(worker, job_id)
    assert [event["id"] for event in listener.contents] == listener.ids
    assert [event["type"] for event in listener.contents] == listener.kinds
    data = [event["data"] for event in listener.contents]
    assert [one["state"] for one in data] == ["PENDING", "STARTED", "STARTED", "STARTED", "SUCCESS"]
    assert [one["attempt"] for one in data] == [0, 1, 1, 1, 1]
    assert {(one["job_id"], one["task"], one["queue"]) for one in data} == {(job_id, "demo.add", "sums")}
    assert data[2]["progress"] == progress(1, "zwölf")
    assert data[3]["log"] == {"level": "info", "message": "hello", "fields": {"size": 2**80}}
    assert [one["result"] for one in data] == [None] * 4 + [{"total": 2.0}]


async def test_every_event_is_what_its_schema_says(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    report(worker, job, progress(1))
    report(worker, job, {"level": "info", "message": "hello", "fields": {}}, kind="log")
    worker.run(commands.retry(job.id, job.fence, broken(job), 0, LIVES))
    job = worker.claim()
    worker.run(commands.fail(job.id, job.fence, broken(job), LIVES))
    listener = Listener(events_of(api, job_id))
    await asyncio.wait_for(listener.listen(), PATIENCE_S)

    assert listener.kinds[-3:] == ["job.retrying", "job.started", "job.failed"]
    for content in listener.contents:
        assert set(content) == {*JobEvent.model_fields, "type"}
        event = JobEvent.model_validate(content)
        assert event.data is not None
        assert set(content["data"]) == set(type(event.data).model_fields)
    retrying, failed = listener.contents[-3]["data"], listener.contents[-1]["data"]
    assert (retrying["state"], retrying["error"]["code"], retrying["attempt"]) == ("RETRY", "demo.broken", 1)
    assert retrying["run_at"].endswith("Z")
    assert (failed["state"], failed["attempt"]) == ("FAILURE", 2)
    assert "traceback" not in failed["error"]


def broken(job: Claimed) -> Failure:
    return Failure("demo.broken", "It broke.", retryable=True, attempt=job.attempt, traceback="secret")


async def test_answer_has_the_headers_of_a_stream(api: Api) -> None:
    url = events_of(api, await submit(api))
    async with httpx.AsyncClient(verify=PLAIN) as client, client.stream("GET", url) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["x-content-type-options"] == "nosniff"
        start = await anext(answer.aiter_text())
    assert start.startswith(": ")
    assert "retry: 2000\n" in start


async def test_headers_of_one_answer_do_not_gather_in_the_next(api: Api) -> None:
    url = events_of(api, await submit(api))
    async with httpx.AsyncClient(verify=PLAIN) as client:
        for _ in range(3):
            async with client.stream("GET", url) as answer:
                names = [name for name, _ in answer.headers.raw]
                assert len(names) == len(set(names))


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


async def test_nothing_after_the_last_event_is_204_so_that_browsers_stay_away(
    api: Api, worker: Worker
) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await get(f"{events_of(api, job_id)}?after={history(worker, job_id)[-1]}")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_unknown_job_is_404_and_expired_one_410_before_the_stream_begins(
    api: Api, worker: Worker
) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    worker.forget(job_id)
    expired, unknown = await get(events_of(api, job_id)), await get(events_of(api, "none"))
    assert (expired.status_code, unknown.status_code) == (410, 404)
    assert {one.headers["content-type"] for one in (expired, unknown)} == {"application/problem+json"}


@pytest.mark.parametrize("after", ["x", "1-", "-1", "1-2-3", "9" * 30, "١٢", "1 2"])
async def test_wrong_id_is_422(api: Api, after: str) -> None:
    job_id = await submit(api)
    for path in (f"/v1/jobs/{job_id}/events", "/v1/events"):
        answer = await get(f"{api.url}{path}", params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad-parameter")


async def test_client_that_is_cut_off_again_and_again_sees_each_event_once(api: Api, worker: Worker) -> None:
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
    await asyncio.wait_for(listening, PATIENCE_S)

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
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE_S)

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
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE_S)

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
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE_S)

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
    await asyncio.wait_for(one.listen(), PATIENCE_S)
    assert one.kinds == ["reset", "job.created", "job.started", "job.succeeded"]

    feed = Listener(f"{api.url}/v1/events?after=9999999999999-0")
    await asyncio.wait_for(feed.listen(until=lambda: len(feed.events) == 4), PATIENCE_S)
    assert feed.kinds == one.kinds
    assert feed.contents[0]["data"] is None


async def test_two_hundred_watchers_share_one_subscription(api: Api, worker: Worker) -> None:
    job_ids = [await submit(api) for _ in range(20)]
    listeners = [Listener(events_of(api, job_ids[number % 20])) for number in range(200)]
    listening = [asyncio.create_task(one.listen()) for one in listeners]
    await until(lambda: all(one.events for one in listeners))
    channel = f"jl:tell:{api.resources.hub.name}"
    subscribers = worker.redis.pubsub_numsub(channel)
    connections = len(worker.redis.client_list())
    calls = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    await asyncio.sleep(0.3)  # a span in which a poll would show
    still = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    for job in worker.run(commands.claim("w1", ["sums"], slots=20, lease_ms=30_000, lives=LIVES)):
        worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE_S)

    assert subscribers == [(channel.encode(), 1)]
    assert connections <= 4  # the test's own, the subscription, the store's
    assert calls == still
    assert all(one.kinds == ["job.created", "job.started", "job.succeeded"] for one in listeners)


async def test_slow_reader_costs_a_bounded_buffer_and_delays_nobody(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    swift, feed = Listener(events_of(api, job_id)), Listener(f"{api.url}/v1/events?after=0")
    listening = [
        asyncio.create_task(swift.listen()),
        asyncio.create_task(feed.listen(until=lambda: feed.kinds[-1] == "job.succeeded")),
    ]
    slow = [connect(api, path) for path in (f"/v1/jobs/{job_id}/events", "/v1/events?after=0")]
    await until(lambda: len(streams(api)) == 4)
    worst = 0.0
    most = 0
    for number in range(900):
        begin = time.monotonic()
        report(worker, job, progress(number, "x" * 8000))
        if number % 10 == 0:
            await until(lambda: len(swift.events) == number + 3)  # noqa: B023 - awaited in this turn
            worst = max(worst, time.monotonic() - begin)
            most = max(most, *(len(stream._chunk) + stream._size for stream in streams(api)))
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), PATIENCE_S)
    late = [await asyncio.to_thread(read_ids, one) for one in slow]

    assert worst < 1
    assert most <= 2 * BUFFER_BYTES
    assert swift.ids == feed.ids == history(worker, job_id)
    assert late == [history(worker, job_id)] * 2


def connect(api: Api, path: str) -> socket.socket:
    """Ask for a stream, and read nothing of it."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", api.port))
    slow.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return slow


def read_ids(slow: socket.socket) -> list[str]:
    """Read a stream to the end of the job."""
    slow.settimeout(PATIENCE_S)
    data = b""
    with slow:
        while b"event: job.succeeded\n" not in data:
            data += slow.recv(65536)
    return [line[4:].decode() for line in data.split(b"\n") if line.startswith(b"id: ")]


async def test_comment_keeps_a_silent_stream_alive_and_makes_no_event(
    make: Callable[[], FastAPI], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beats, "BEAT_EVERY_S", 0.3)
    async with serving(make) as api:
        job_id = await submit(api)
        listener = Listener(events_of(api, job_id))
        listening = asyncio.create_task(listener.listen())
        begin = time.monotonic()
        async with (
            httpx.AsyncClient(verify=PLAIN) as client,
            client.stream("GET", f"{api.url}/v1/events") as answer,
        ):
            text = ""
            async for part in answer.aiter_text():
                text += part
                if text.count(":\n") == 3:
                    break
        assert 0.6 <= time.monotonic() - begin < 3
        assert "\n\n" not in text
        worker.succeed(worker.claim(), {"total": 2.0})
        await asyncio.wait_for(listening, PATIENCE_S)
    assert listener.kinds == ["job.created", "job.started", "job.succeeded"]


async def test_stop_of_the_api_ends_all_streams_within_three_seconds(
    make: Callable[[], FastAPI], worker: Worker
) -> None:
    async with serving(make) as api:
        job_id = await submit(api)
        urls = [events_of(api, job_id), f"{api.url}/v1/events?after=0"] * 20
        listeners = [Listener(url) for url in urls]
        async with httpx.AsyncClient(
            timeout=30, verify=PLAIN, limits=httpx.Limits(max_connections=None)
        ) as client:
            connected = [asyncio.create_task(one.connect(client)) for one in listeners]
            await until(lambda: all(one.events for one in listeners))
            begin = time.monotonic()
            await api.stop()
            took = time.monotonic() - begin
            over = await asyncio.wait_for(asyncio.gather(*connected), PATIENCE_S)
    assert took < 1
    assert not any(over)


async def test_client_that_leaves_is_forgotten_at_once(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    socks = [connect(api, path) for path in (f"/v1/jobs/{job_id}/events", "/v1/events")]
    await until(lambda: len(streams(api)) == 2)
    for sock in socks:
        sock.close()
    await until(lambda: not streams(api))
    assert not api.resources.hub._watchers
    assert not api.resources.feed._streams
    assert api.resources.feed._reader is None


async def test_feed_tells_of_all_jobs_from_now_on(api: Api, worker: Worker) -> None:
    before = await submit(api)
    feed = Listener(f"{api.url}/v1/events")
    listening = asyncio.create_task(feed.listen(until=lambda: feed.kinds[-1] == "job.succeeded"))
    await until(lambda: bool(streams(api)) and streams(api)[0]._send is not None)
    other = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    await asyncio.wait_for(listening, PATIENCE_S)

    assert feed.kinds == ["job.created", "job.started", "job.succeeded"]
    assert [one["data"]["job_id"] for one in feed.contents] == [other, before, before]
    assert feed.contents[-1]["data"]["result"] == {"total": 2.0}
    assert feed.ids == sorted(feed.ids)


async def test_tenant_sees_no_event_of_another(api: Api, worker: Worker) -> None:
    def submit_for(tenant: str, number: int) -> None:
        order = Submission(
            id=f"{tenant}-{number}", tenant=tenant, task="demo.add", queue="sums", input=b"{}",
            max_attempts=1, timeout_ms=1000,
        )  # fmt: skip
        worker.run(commands.submit(order, queue_limit=10_000))

    for number in range(1500):
        submit_for("other", number)
    submit_for("public", 1)
    feed = Listener(f"{api.url}/v1/events?after=0")
    listening = asyncio.create_task(feed.listen(until=lambda: len(feed.events) == 2))
    await until(lambda: len(feed.events) == 1)
    submit_for("other", 9999)
    submit_for("public", 2)
    await asyncio.wait_for(listening, PATIENCE_S)

    assert [one["data"]["job_id"] for one in feed.contents] == ["public-1", "public-2"]
    assert (await get(events_of(api, "other-1"))).status_code == 404


def submit_batch(worker: Worker, tenant: str = "public", count: int = 3) -> str:
    jobs = [
        Submission(
            id=f"{tenant}-job-{number}", tenant=tenant, task="demo.add", queue="sums", input=b"{}",
            max_attempts=1, timeout_ms=1000,
        )
        for number in range(count)
    ]  # fmt: skip
    order = BatchOrder(id=f"{tenant}-batch", tenant=tenant, jobs=jobs)
    worker.run(commands.submit_batch(order, queue_limit=10_000))
    return order.id


async def test_stream_of_a_batch_tells_all_its_jobs_and_ends_with_the_last(api: Api, worker: Worker) -> None:
    await submit(api)
    batch = submit_batch(worker)
    listener = Listener(f"{api.url}/v1/batches/{batch}/events")
    listening = asyncio.create_task(listener.listen())
    await until(lambda: listener.kinds == ["job.created"] * 3)
    for _ in range(4):
        job = worker.claim()
        report(worker, job, progress(1))
        worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(listening, PATIENCE_S)

    assert listener.kinds == ["job.created"] * 3 + ["job.started", "job.progress", "job.succeeded"] * 3
    assert {one["data"]["job_id"] for one in listener.contents} == {f"public-job-{n}" for n in range(3)}
    assert listener.ids == sorted(listener.ids, key=Position.read)
    assert listener.contents[-1]["data"]["result"] == {"total": 2.0}
    after = await get(listener.url, params={"after": listener.ids[5]})
    assert [line[4:] for line in after.text.splitlines() if line.startswith("id: ")] == listener.ids[6:]
    assert not api.resources.feed._batches


async def test_unknown_batch_and_that_of_another_tenant_are_404(api: Api, worker: Worker) -> None:
    for batch in ("none", submit_batch(worker, "other")):
        assert (await get(f"{api.url}/v1/batches/{batch}/events")).status_code == 404


async def test_trimmed_feed_is_a_reset(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    ids = history(worker, job_id)
    worker.redis.xtrim("jl:feed", minid=ids[2], approximate=False)
    feed = Listener(f"{api.url}/v1/events?after={ids[0]}")
    await asyncio.wait_for(feed.listen(until=lambda: len(feed.events) == 2), PATIENCE_S)
    assert feed.kinds == ["reset", "job.succeeded"]


async def test_stream_without_redis_is_503(api: Api, redis_server: EmbeddedRedis) -> None:
    redis_server.kill()
    try:
        for path in ("/v1/jobs/x/events", "/v1/events"):
            answer = await get(f"{api.url}{path}")
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
    finally:
        redis_server.start()
