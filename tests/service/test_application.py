from __future__ import annotations

import json
import logging
import time

import httpx
import pytest
from fastapi import FastAPI

from jobline.domain.errors import Refused
from jobline.domain.task import Task
from jobline.ledger.keys import Key
from jobline.service.openapi.document import render
from jobline.service.resources import Resources
from jobline.service.routes.problems import find_kinds
from tests.support.service import Worker
from tests.support.tasks.simple import missing


async def test_tasks_are_described_with_their_schemas(client: httpx.AsyncClient) -> None:
    items = {item["name"]: item for item in (await client.get("/v1/tasks")).json()["items"]}
    one = items["demo.add"]

    assert list(items) == ["demo.add", "demo.draw", "photo.look", "photo.missing"]
    assert (one["queue"], one["max_attempts"], one["timeout_s"], one["available"]) == ("sums", 4, 60, True)
    assert one["input_schema"]["required"] == ["a"]
    assert one["result_schema"]["properties"]["total"]["type"] == "number"
    assert (await client.get("/v1/tasks/demo.add")).json() == one
    assert (await client.get("/v1/tasks/demo.none")).status_code == 404


async def test_unavailable_task_says_what_to_install(client: httpx.AsyncClient) -> None:
    assert isinstance(missing, Task)
    item = (await client.get("/v1/tasks/photo.missing")).json()
    assert item["available"] is False
    assert "jobline[none_such]" in item["install"]


async def test_ready_needs_a_worker(client: httpx.AsyncClient, worker: Worker) -> None:
    without = await client.get("/health/ready")
    worker.beat()
    ready = await client.get("/health/ready")
    seen = (await client.get("/v1/workers")).json()["items"]
    worker.redis.hset(Key.WORKER.of("w1"), "beat", int((time.time() - 11) * 1000))
    stale = await client.get("/health/ready")

    assert (without.status_code, ready.status_code, stale.status_code) == (503, 200, 503)
    assert "worker" in without.json()["detail"]
    assert [item["name"] for item in seen] == ["w1"]


async def test_ready_says_within_a_second_that_redis_stopped(
    client: httpx.AsyncClient, frozen_redis: None
) -> None:
    begin = time.monotonic()
    answer = await client.get("/health/ready")

    assert time.monotonic() - begin < 1.5
    assert answer.status_code == 503
    assert "Redis" in answer.json()["detail"]
    assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", "/v1/tasks/demo.add/jobs", 405, "POST"),
        ("PATCH", "/v1/files/x", 405, "DELETE, GET, HEAD"),
        ("POST", "/v1/jobs", 405, "GET"),
        ("OPTIONS", "/v1/jobs/cancel", 405, "POST"),
        ("GET", "/assets/docs/none.js", 404, None),
        ("GET", "/problems/none", 404, None),
    ],
)
async def test_router_answers_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("allow") == allow


async def test_every_problem_has_its_page(client: httpx.AsyncClient) -> None:
    codes = {kind.code for kind in find_kinds(Refused)} | {"ledger-unavailable", "internal"}
    assert len(codes) > 12
    pages = [await client.get(f"/problems/{code}") for code in codes]
    assert {page.status_code for page in pages} == {200}


async def test_defect_is_a_500_that_shows_nothing_and_is_logged(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError("secret-word")

    monkeypatch.setattr(resources.store, "run", explode)
    with caplog.at_level(logging.ERROR):
        answers = [
            await client.get("/v1/jobs"),
            await client.post("/v1/tasks/demo.add/jobs", json={"input": {"a": 1}}),
        ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret-word" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient, page: str) -> None:
    answer = await client.get(page)
    policy = answer.headers["content-security-policy"]

    assert answer.status_code == 200
    assert "script-src 'self'" in policy
    assert "http" not in answer.text.replace("http-equiv", "")
    assert "<script>" not in answer.text
    for path in [part.split('"')[0] for part in answer.text.split('src="')[1:]]:
        assert (await client.get(path)).status_code == 200


async def test_every_answer_forbids_sniffing(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/v1/jobs", "/nowhere", "/openapi.json", "/health/live"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_openapi_is_served_as_it_is_rendered(client: httpx.AsyncClient, app: FastAPI) -> None:
    served = await client.get("/openapi.json")
    assert served.json() == json.loads(render(app))
