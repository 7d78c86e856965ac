from __future__ import annotations

from typing import Any

import httpx

from tests.support.service import ADD, Serve, Worker


async def submit(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(ADD, json={"input": {"a": 1}, **more})
    job_id: str = answer.json()["id"]
    return job_id


async def test_failed_job_is_retried_as_a_new_one(client: httpx.AsyncClient, worker: Worker) -> None:
    old = await submit(client, tags=["x"], priority=7, max_attempts=1)
    worker.fail(worker.claim())
    answer = await client.post(f"/v1/jobs/{old}/retry")
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["retry_of"], job["state"], job["tags"], job["priority"]) == (old, "PENDING", ["x"], 7)
    assert worker.claim().input == b'{"a":1}'


async def test_only_failed_and_revoked_jobs_are_retried(client: httpx.AsyncClient, worker: Worker) -> None:
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
