from __future__ import annotations

from typing import Any

import httpx
import pytest

from jobline.ledger.keys import Key
from tests.support.service import ADD, Worker


async def submit(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(ADD, json={"input": {"a": 1}, **more})
    job_id: str = answer.json()["id"]
    return job_id


@pytest.mark.parametrize("verb", ["cancel", "retry"])
@pytest.mark.parametrize("query", ["", "?state=NONE", "?unknown=1"])
async def test_bulk_needs_a_filter(client: httpx.AsyncClient, verb: str, query: str) -> None:
    answer = await client.post(f"/v1/jobs/{verb}{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_bulk_cancel_ends_matching_jobs_only(client: httpx.AsyncClient, worker: Worker) -> None:
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


async def test_bulk_retry_retries_each_job_once(client: httpx.AsyncClient, worker: Worker) -> None:
    order = {"jobs": [{"task": "demo.add", "input": {"a": 1}, "max_attempts": 1} for _ in range(250)]}
    batch = (await client.post("/v1/batches", json=order)).json()["id"]
    await client.post(f"/v1/jobs/cancel?batch_id={batch}")
    answer = await client.post(f"/v1/jobs/retry?batch_id={batch}")
    assert answer.json() == {"retried": 250, "skipped": 0, "has_more": False}
    answer = await client.post(f"/v1/jobs/retry?batch_id={batch}")
    assert answer.json() == {"retried": 0, "skipped": 250, "has_more": False}
    assert worker.redis.hget(Key.QUEUES.of(), "sums") == b"250"
