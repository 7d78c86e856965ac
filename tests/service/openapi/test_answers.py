"""Real answers against the document, by a validator of JSON Schema."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema_rs import Draft202012Validator

from tests.support.service import ADD, DRAW, Worker

FILES = "/v1/files"
LOOK = "/v1/tasks/photo.look/jobs"
Json = dict[str, Any]


@pytest.fixture
def document(app: FastAPI) -> Json:
    return app.openapi()


def find_flaws(document: Json, schema: Json, value: object) -> list[str]:
    """Return what a validator finds wrong with a value."""
    whole = {**schema, "components": document["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


async def submit(client: httpx.AsyncClient, path: str, given: Json) -> Json:
    job: Json = (await client.post(path, json={"input": given})).raise_for_status().json()
    return job


async def make_jobs(client: httpx.AsyncClient, worker: Worker) -> list[Json]:
    """Return jobs of three tasks, in every state but RETRY."""
    photo = await client.post(FILES, content=b"x", headers={"content-type": "image/png"})
    jobs = [await submit(client, ADD, {"a": 1}) for _ in range(4)]
    jobs += [await submit(client, DRAW, {}), await submit(client, LOOK, {"file": photo.json()["id"]})]
    worker.succeed(worker.claim(), {"total": 2.0})
    worker.fail(worker.claim())
    worker.claim()
    await client.post(f"/v1/jobs/{jobs[3]['id']}/cancel")
    return [(await client.get(f"/v1/jobs/{job['id']}")).json() for job in jobs]


async def test_every_job_matches_one_member_of_the_union(
    client: httpx.AsyncClient, worker: Worker, document: Json
) -> None:
    """A generated client that tries the members in turn reads each job as a job of its own task."""
    jobs = await make_jobs(client, worker)
    members = document["components"]["schemas"]["Job"]["oneOf"]

    assert {job["state"] for job in jobs} == {"SUCCESS", "FAILURE", "STARTED", "REVOKED", "PENDING"}
    for job in jobs:
        matching = [member["$ref"] for member in members if not find_flaws(document, member, job)]
        expected = {"demo.add": "DemoAddJob", "demo.draw": "DemoDrawJob", "photo.look": "PhotoLookJob"}
        assert matching == [f"#/components/schemas/{expected[job['task']]}"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/jobs/none", 404), ("POST", ADD, 422), ("GET", "/v1/jobs?limit=0", 422)],
)
async def test_problems_have_the_members_that_the_document_names(
    client: httpx.AsyncClient, document: Json, method: str, path: str, status: int
) -> None:
    """A client that refuses unknown fields reads every problem."""
    answer = await client.request(method, path, json={"input": {}} if method == "POST" else None)
    problem = document["components"]["schemas"]["Problem"]

    assert answer.status_code == status
    assert find_flaws(document, {**problem, "additionalProperties": False}, answer.json()) == []
