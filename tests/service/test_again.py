"""Retry, delete, and both retry and cancel by a filter."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jobline.ledger.keys import Key
from tests.support.service import ADD, Serve, Worker


async def submit(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(ADD, json={"input": {"a": 1}, **more})
    job_id: str = answer.json()["id"]
    return job_id


async def test_failed_job_is_repeated_as_a_new_one(client: httpx.AsyncClient, worker: Worker) -> None:
    old = await submit(client, tags=["x"], priority=7, max_attempts=1)
    worker.fail(worker.claim())
    answer = await client.post(f"/v1/jobs/{old}/retry")
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["retry_of"], job["state"], job["tags"], job["priority"]) == (old, "PENDING", ["x"], 7)
    assert worker.claim().input == b'{"a":1,"b":1.0,"words":[]}'


async def test_only_failed_and_revoked_jobs_are_repeated(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    assert (await client.post(f"/v1/jobs/{job}/retry")).status_code == 409
    claimed = worker.claim()
    assert (await client.post(f"/v1/jobs/{job}/retry")).status_code == 409
    worker.succeed(claimed, {"total": 1})
    assert (await client.post(f"/v1/jobs/{job}/retry")).status_code == 409
    revoked = await submit(client)
    await client.post(f"/v1/jobs/{revoked}/cancel")
    assert (await client.post(f"/v1/jobs/{revoked}/retry")).status_code == 202
    assert (await client.post("/v1/jobs/none/retry")).status_code == 404


async def test_retry_into_a_full_queue_is_429(serve: Serve, worker: Worker) -> None:
    async with serve(queue_limit=1) as client:
        old = await submit(client)
        worker.fail(worker.claim())
        await submit(client)
        assert (await client.post(f"/v1/jobs/{old}/retry")).status_code == 429


async def test_finished_job_is_deleted_and_gone(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client, tags=["x"])
    assert (await client.delete(f"/v1/jobs/{job}")).status_code == 409
    claimed = worker.claim()
    assert (await client.delete(f"/v1/jobs/{job}")).status_code == 409
    worker.succeed(claimed, {"total": 1})
    answer = await client.delete(f"/v1/jobs/{job}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(f"/v1/jobs/{job}")).status_code == 410
    assert (await client.delete(f"/v1/jobs/{job}")).status_code == 410
    assert (await client.get("/v1/jobs?tag=x")).json()["items"] == []
    assert (await client.delete("/v1/jobs/none")).status_code == 404


@pytest.mark.parametrize("verb", ["cancel", "retry"])
@pytest.mark.parametrize("query", ["", "?state=NONE", "?unknown=1"])
async def test_bulk_needs_a_filter(client: httpx.AsyncClient, verb: str, query: str) -> None:
    answer = await client.post(f"/v1/jobs/{verb}{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_bulk_cancel_ends_what_fits_alone(client: httpx.AsyncClient, worker: Worker) -> None:
    running = await submit(client, tags=["x"])
    worker.claim()
    order = {"jobs": [{"task": "demo.add", "input": {"a": 1}, "tags": ["x"]} for _ in range(450)]}
    await client.post("/v1/batches", json=order)
    other = await submit(client)
    answer = await client.post("/v1/jobs/cancel?tag=x")
    assert answer.json() == {"revoked": 450, "cancel_requested": 1, "has_more": False}
    assert (await client.get(f"/v1/jobs/{running}")).json()["cancel_requested"]
    assert (await client.get(f"/v1/jobs/{other}")).json()["state"] == "PENDING"
    assert worker.redis.hget(Key.QUEUES.of(), "sums") == b"1"
    assert (await client.post("/v1/jobs/cancel?tag=x&state=SUCCESS")).json()["revoked"] == 0


async def test_bulk_retry_repeats_each_once(client: httpx.AsyncClient, worker: Worker) -> None:
    order = {"jobs": [{"task": "demo.add", "input": {"a": 1}, "max_attempts": 1} for _ in range(250)]}
    batch = (await client.post("/v1/batches", json=order)).json()["id"]
    await client.post(f"/v1/jobs/cancel?batch_id={batch}")
    answer = await client.post(f"/v1/jobs/retry?batch_id={batch}")
    assert answer.json() == {"retried": 250, "skipped": 0, "has_more": False}
    answer = await client.post(f"/v1/jobs/retry?batch_id={batch}")
    assert answer.json() == {"retried": 0, "skipped": 250, "has_more": False}
    assert worker.redis.hget(Key.QUEUES.of(), "sums") == b"250"
