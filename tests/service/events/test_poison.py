"""One bad record, event or message is skipped; lists, streams and waiting clients go on."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest

from jobline.ledger.keys import Key
from tests.support.service import Worker
from tests.support.streaming import Api, Listener, events_of, get, submit
from tests.support.waiting import DEADLINE_S, until

FEED_POISON: list[Any] = [
    {"event": "x"},
    {"event": ""},
    {"other": "x"},
    {"event": "job.created j public:t:q  {"},
    {"event": "job.created j public:q  {}"},
    {"event": "job.unheard j public:t:q  {}"},
    {"event": b"job.created \xff\xfe public:t:q  {}"},
    {"event": 'job.retrying j public:t:q  {"attempt":1,"run_at_ms":"soon"}'},
    {"event": 'job.failed j public:t:q  {"attempt":1,"error":7}'},
]
CHANNEL_POISON = [
    b"", b"x", b"\xff \xff", b"{id} x", b"{id} 1-1 job.created", b"{id} 1-1 job.unheard a:b:c {}",
    b"{id} x job.progress public:t:q {}", b"{id} 1-1 job.progress public:t:q {", b"{id} 1-1 reset x {}",
]  # fmt: skip
RECORD_POISON = [
    {"state": "NO-STATE"},
    {"stamp": "soon"},
    {"partition": "one"},
    {"partition": "a:b:c:d"},
    {"priority": "high"},
    {"attempt": "first"},
    {"error": "not json"},
    {"error": '{"code":1}'},
    {"tags": "not json"},
    {"started": "soon"},
]


async def test_feed_skips_what_is_no_event_and_streams_go_on(
    api: Api, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad entry ended the process's only reader: no tenant saw an event any more."""
    first = await submit(api)
    past = Listener(f"{api.url}/v1/events?after=0")
    live = Listener(f"{api.url}/v1/events")
    wanted = ["job.created", "job.started", "job.succeeded"]
    listening = [
        asyncio.create_task(past.listen(until=lambda: wanted[-1] in past.kinds)),
        asyncio.create_task(live.listen(until=lambda: wanted[-1] in live.kinds)),
    ]
    await until(lambda: past.kinds == ["job.created"])
    for fields in FEED_POISON:
        worker.redis.xadd(Key.FEED.of(), fields)
    worker.succeed(worker.claim(), {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)
    again = Listener(f"{api.url}/v1/events?after=0")
    await asyncio.wait_for(again.listen(until=lambda: wanted[-1] in again.kinds), DEADLINE_S)
    for one in (past, again):
        assert [kind for kind, data in zip(one.kinds, one.contents, strict=True)
                if data["data"]["job_id"] == first] == wanted  # fmt: skip
    assert "Skipped" in caplog.text
    assert all(record.levelno < logging.ERROR for record in caplog.records)


async def test_listener_skips_messages_that_are_no_events(api: Api, worker: Worker) -> None:
    """A message that cannot be read ended the listener: every later wait took its full time."""
    job_id = await submit(api)
    stream = Listener(events_of(api, job_id))
    listening = asyncio.create_task(stream.listen())
    waiting = asyncio.create_task(get(f"{api.url}/v1/jobs/{job_id}?wait=20"))
    name = api.resources.dispatcher.name.encode()
    await until(lambda: name in (worker.redis.hget(Key.JOB.of(job_id), "subscribers") or b""))
    for text in CHANNEL_POISON:
        worker.redis.publish(Key.CHANNEL.of(name.decode()), text.replace(b"{id}", job_id.encode()))
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await asyncio.wait_for(waiting, DEADLINE_S)
    await asyncio.wait_for(listening, DEADLINE_S)
    assert answer.json()["state"] == "SUCCESS"
    assert stream.kinds[-1] == "job.succeeded"


@pytest.mark.parametrize("poison", RECORD_POISON, ids=str)
async def test_list_skips_a_record_that_cannot_be_read(
    api: Api, worker: Worker, poison: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad record made GET /v1/jobs a 500 for the whole tenant."""
    good, bad, last = [await submit(api) for _ in range(3)]
    worker.redis.hset(Key.JOB.of(bad), mapping=poison)
    answer = await get(f"{api.url}/v1/jobs")
    assert [job["id"] for job in answer.json()["items"]] == [last, good]
    assert re.search(rf"Skipped.*{bad}", caplog.text)


async def test_list_survives_keys_of_another_type_and_foreign_index_entries(api: Api, worker: Worker) -> None:
    """What an operator or another program left under the prefix must not hide every job."""
    good, bad = await submit(api), await submit(api)
    worker.redis.delete(Key.JOB.of(bad))
    worker.redis.set(Key.JOB.of(bad), "x")
    worker.redis.sadd(Key.INDEXES.of("public"), "x", "a:b", "")
    for query in ("", "?state=PENDING", "?task=demo.add"):
        answer = await get(f"{api.url}/v1/jobs{query}")
        assert [job["id"] for job in answer.json()["items"]] == [good]


@pytest.mark.parametrize("ms", ["999999999999999999", "-999999999999999999", "253402350000000"])
async def test_times_beyond_the_calendar_are_answered_as_its_ends(api: Api, worker: Worker, ms: str) -> None:
    """A stored time after the year 9999 made the job, its list and its events a 500."""
    job_id = await submit(api)
    worker.redis.hset(Key.JOB.of(job_id), mapping={"run_at": ms, "started": ms, "start_by": ms})
    assert (await get(f"{api.url}/v1/jobs/{job_id}")).status_code == 200
    assert [job["id"] for job in (await get(f"{api.url}/v1/jobs")).json()["items"]] == [job_id]


async def test_listener_that_ended_is_started_by_the_next_wait(api: Api, worker: Worker) -> None:
    """A listener that is gone must not stay gone until the process is restarted."""
    await api.resources.dispatcher.ready()
    subscription = api.resources.dispatcher._subscription
    assert subscription._reader is not None
    subscription._reader.cancel()
    await until(subscription._reader.done)
    job_id = await submit(api)
    waiting = asyncio.create_task(get(f"{api.url}/v1/jobs/{job_id}?wait=20"))
    name = api.resources.dispatcher.name.encode()
    await until(lambda: name in (worker.redis.hget(Key.JOB.of(job_id), "subscribers") or b""))
    worker.succeed(worker.claim(), {"total": 2.0})
    assert (await asyncio.wait_for(waiting, DEADLINE_S)).json()["state"] == "SUCCESS"
