"""The events of a stream, and the response when there are none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.record import Failure
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.commands.events import History
from jobline.service.events import heartbeats
from jobline.service.events.frames import write_frame
from jobline.service.events.stream import Stream
from jobline.service.shapes.events import JobEvent
from tests.support.service import RETENTION, Worker
from tests.support.streaming import (
    PLAIN,
    Api,
    Listener,
    events_of,
    get,
    history,
    progress,
    report,
    serving,
    submit,
)
from tests.support.waiting import DEADLINE_S, until


async def test_stream_sends_a_job_from_its_first_event_to_its_last(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    listener = Listener(events_of(api, job_id))
    listening = asyncio.create_task(listener.listen())
    await until(lambda: listener.kinds == ["job.created"])
    job = worker.claim()
    report(worker, job, progress(1, "zwölf"))
    report(worker, job, {"level": "info", "message": "hello", "fields": {"size": 2**80}}, kind="log")
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(listening, DEADLINE_S)

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
    worker.run(commands.attempts.retry(job.id, job.fence, broken(job), 0, RETENTION))
    job = worker.claim()
    worker.run(commands.attempts.fail(job.id, job.fence, broken(job), RETENTION))
    listener = Listener(events_of(api, job_id))
    await asyncio.wait_for(listener.listen(), DEADLINE_S)

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


async def test_comment_keeps_a_silent_stream_alive_and_makes_no_event(
    make: Callable[[], FastAPI], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "HEARTBEAT_EVERY_S", 0.3)
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
        await asyncio.wait_for(listening, DEADLINE_S)
    assert listener.kinds == ["job.created", "job.started", "job.succeeded"]


async def test_comment_comes_by_a_server_that_knows_no_short_way_too() -> None:
    sent: list[Message] = []

    async def read(after: str) -> History:
        return History([], "", has_more=False)

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    stream = Stream(read, partial(write_frame, tracebacks=False), stops=False)
    await stream.begin({}, send)
    running = asyncio.create_task(stream.run(receive, send))
    await asyncio.sleep(0)
    await until(lambda: stream._sender is None)
    stream.send_heartbeat()
    await until(lambda: len(sent) == 3)
    running.cancel()

    assert sent[2] == {"type": "http.response.body", "body": b":\n", "more_body": True}


async def test_stream_without_redis_is_503(api: Api, redis_server: EmbeddedRedis) -> None:
    redis_server.kill()
    try:
        for path in ("/v1/jobs/x/events", "/v1/events"):
            answer = await get(f"{api.url}{path}")
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
    finally:
        redis_server.start()
