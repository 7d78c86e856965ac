"""The streams of a tenant and of a batch."""

from __future__ import annotations

import asyncio

from jobline.domain.event import Position
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.batches import BatchOrder
from tests.support.service import Worker
from tests.support.streaming import Api, Listener, events_of, get, progress, report, streams, submit
from tests.support.waiting import DEADLINE_S, until


async def test_feed_sends_the_events_of_all_jobs_from_now_on(api: Api, worker: Worker) -> None:
    before = await submit(api)
    feed = Listener(f"{api.url}/v1/events")
    listening = asyncio.create_task(feed.listen(until=lambda: feed.kinds[-1] == "job.succeeded"))
    await until(lambda: bool(streams(api)) and streams(api)[0]._send is not None)
    other = await submit(api)
    worker.succeed(worker.claim(), {"total": 2.0})
    await asyncio.wait_for(listening, DEADLINE_S)

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
        worker.run(commands.submitting.submit(order, queue_limit=10_000))

    for number in range(1500):
        submit_for("other", number)
    submit_for("public", 1)
    feed = Listener(f"{api.url}/v1/events?after=0")
    listening = asyncio.create_task(feed.listen(until=lambda: len(feed.events) == 2))
    await until(lambda: len(feed.events) == 1)
    submit_for("other", 9999)
    submit_for("public", 2)
    await asyncio.wait_for(listening, DEADLINE_S)

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
    worker.run(commands.batches.submit_batch(order, queue_limit=10_000))
    return order.id


async def test_stream_of_a_batch_sends_all_its_jobs_and_ends_with_the_last(api: Api, worker: Worker) -> None:
    await submit(api)
    batch = submit_batch(worker)
    listener = Listener(f"{api.url}/v1/batches/{batch}/events")
    listening = asyncio.create_task(listener.listen())
    await until(lambda: listener.kinds == ["job.created"] * 3)
    for _ in range(4):
        job = worker.claim()
        report(worker, job, progress(1))
        worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(listening, DEADLINE_S)

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
