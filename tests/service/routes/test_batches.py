from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from jobline.ledger.keys import Key
from jobline.service.shapes.batches import Batch
from tests.support.service import Serve, Worker


def ask(count: int = 2, **more: Any) -> dict[str, Any]:
    return {"jobs": [{"task": "demo.add", "input": {"a": number}} for number in range(count)], **more}


async def test_batch_is_stored_and_counts_its_jobs(client: httpx.AsyncClient, worker: Worker) -> None:
    answer = await client.post("/v1/batches", json=ask(3, tags=["x"]))
    batch = Batch.model_validate_json(answer.content, extra="forbid")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/batches/{batch.id}"
    assert (batch.total, batch.done, batch.counts.PENDING) == (3, False, 3)
    jobs = (await client.get(batch.links.jobs)).json()["items"]
    assert {job["batch_id"] for job in jobs} == {batch.id}
    assert [job["tags"] for job in jobs] == [["x"]] * 3

    worker.succeed(worker.claim(), {"total": 1})
    worker.fail(worker.claim())
    await client.post(f"/v1/jobs/{jobs[0]['id']}/cancel")
    seen = (await client.get(f"/v1/batches/{batch.id}")).json()
    assert seen["done"]
    assert seen["counts"] == {
        "PENDING": 0, "STARTED": 0, "RETRY": 0, "SUCCESS": 1, "FAILURE": 1, "REVOKED": 1,
    }  # fmt: skip


async def test_invalid_job_is_named_by_its_index_and_nothing_is_stored(client: httpx.AsyncClient) -> None:
    order = ask(3)
    order["jobs"][1]["input"] = {"a": "1"}
    order["jobs"][2]["delay_s"] = "1"
    answer = await client.post("/v1/batches", json=order)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/jobs/1/input/a", "/jobs/2/delay_s"]
    assert (await client.get("/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize(
    ("job", "pointer"),
    [
        ({"task": "no.such", "input": {}}, "/jobs/0"),
        ({"input": {}}, "/jobs/0"),
        (
            {"task": "demo.add", "input": {"a": 1}, "delay_s": 1, "run_at": "2030-01-01T00:00:00Z"},
            "/jobs/0/run_at",
        ),
    ],
)
async def test_wrong_job_is_pointed_at(client: httpx.AsyncClient, job: dict[str, Any], pointer: str) -> None:
    answer = await client.post("/v1/batches", json={"jobs": [job]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


async def test_each_job_keeps_its_own_terms(client: httpx.AsyncClient) -> None:
    wanted = [
        {"task": "demo.add", "input": {"a": 1}},
        {"task": "demo.draw", "input": {"anything": 1}},
        {"task": "demo.add", "input": {"a": 2}, "priority": 9, "queue": "other", "tags": ["own"]},
        {"task": "demo.add", "input": {"a": 3}, "max_attempts": 2},
        {"task": "demo.add", "input": {"a": 4}},
        {"task": "demo.draw", "input": {"anything": 2}},
    ]
    batch = (await client.post("/v1/batches", json={"jobs": wanted, "tags": ["t"]})).json()
    jobs = (await client.get(batch["links"]["jobs"])).json()["items"][::-1]
    assert [
        (job["task"], job["queue"], job["priority"], job["max_attempts"], job["tags"]) for job in jobs
    ] == [
        ("demo.add", "sums", 5, 4, ["t"]),
        ("demo.draw", "default", 5, 3, ["t"]),
        ("demo.add", "other", 9, 4, ["t", "own"]),
        ("demo.add", "sums", 5, 2, ["t"]),
        ("demo.add", "sums", 5, 4, ["t"]),
        ("demo.draw", "default", 5, 3, ["t"]),
    ]
    assert len({job["id"] for job in jobs}) == len(jobs)


async def test_inputs_stay_with_their_jobs(client: httpx.AsyncClient, worker: Worker) -> None:
    await client.post("/v1/batches", json=ask(5))
    assert [json.loads(worker.claim().input)["a"] for _ in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1001])
async def test_batch_of_none_or_too_many_is_refused(client: httpx.AsyncClient, count: int) -> None:
    assert (await client.post("/v1/batches", json=ask(count))).status_code == 422


async def test_thousand_jobs_fit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/batches", json=ask(1000))
    assert answer.json()["counts"]["PENDING"] == 1000


async def test_missing_file_names_its_job(client: httpx.AsyncClient, worker: Worker) -> None:
    upload = await client.post("/v1/files", content=b"x", headers={"Content-Type": "image/png"})
    order = ask(1)
    for file in (upload.json()["id"], "file_" + "0" * 32):
        order["jobs"].append({"task": "photo.look", "input": {"file": file}})
    answer = await client.post("/v1/batches", json=order)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["pointer"] == "/jobs/2/input"
    assert worker.redis.keys(Key.JOB.of("*")) == []


async def test_file_that_breaks_its_rule_names_its_job(client: httpx.AsyncClient) -> None:
    upload = await client.post("/v1/files", content=b"text", headers={"Content-Type": "text/plain"})
    order = ask(1)
    order["jobs"].append({"task": "photo.look", "input": {"file": upload.json()["id"]}})
    answer = await client.post("/v1/batches", json=order)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["pointer"] == "/jobs/1/input"


async def test_same_key_is_the_same_batch(client: httpx.AsyncClient, worker: Worker) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await client.post("/v1/batches", json=ask(), headers=headers)
    again = await client.post("/v1/batches", json=ask(), headers=headers)
    other = await client.post("/v1/batches", json=ask(3), headers=headers)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(worker.redis.keys(Key.JOB.of("*"))) == 2


async def test_full_queue_takes_none_of_a_batch(serve: Serve, worker: Worker) -> None:
    async with serve(queue_limit=3) as client:
        order = ask(4)
        order["jobs"].insert(0, {"task": "demo.draw", "input": {}})
        answer = await client.post("/v1/batches", json=order)
        assert (answer.status_code, answer.json()["code"]) == (429, "queue-full")
        assert "retry-after" in answer.headers
        assert worker.redis.keys(Key.JOB.of("*")) == []
        assert (await client.post("/v1/batches", json=ask(3))).status_code == 202
    assert worker.redis.hgetall(Key.QUEUES.of()) == {b"default": b"0", b"sums": b"3"}


async def test_batch_goes_with_its_last_job(client: httpx.AsyncClient, worker: Worker) -> None:
    batch = (await client.post("/v1/batches", json=ask(2), headers={"Idempotency-Key": "k"})).json()
    jobs = [worker.claim(), worker.claim()]
    for job in jobs:
        worker.succeed(job, {"total": 1})
    worker.forget(jobs[0].id)
    seen = (await client.get(f"/v1/batches/{batch['id']}")).json()
    assert (seen["counts"]["SUCCESS"], seen["total"]) == (2, 2)
    worker.forget(jobs[1].id)
    assert (await client.get(f"/v1/batches/{batch['id']}")).status_code == 410
    assert worker.redis.keys(Key.BATCH.of("*")) + worker.redis.keys(Key.IDEMPOTENCY.of("*")) == []


async def test_unknown_batch_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/batches/none")).status_code == 404
    assert (await client.get("/v1/jobs?batch_id=none")).json()["items"] == []
