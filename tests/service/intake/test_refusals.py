"""Refused submits: the problem says what is wrong and where, and nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.service import ADD, DRAW, Serve, Worker, submit

BOTH_TIMES = '{"input": {"a": 1}, "delay_s": 1, "run_at": "2030-01-01T00:00:00Z"}'
MANY_TAGS = json.dumps({"input": {"a": 1}, "tags": [str(i) for i in range(11)]})
DEEP = '{"input": {"anything": ' + "[" * 5000 + "]" * 5000 + "}}"


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "pointers"),
    [
        (ADD, '{"input": {"a": "x"}}', 422, "validation-error", ["/input/a"]),
        (ADD, '{"input": {"a": 1, "c": 2}, "z": 1}', 422, "validation-error", ["/input/c", "/z"]),
        (ADD, '{"input": {"a": "5"}}', 422, "validation-error", ["/input/a"]),
        (ADD, '{"input": {"a": true, "b": "1"}}', 422, "validation-error", ["/input/a", "/input/b"]),
        (ADD, '{"input": {"a": 1}, "delay_s": "5"}', 422, "validation-error", ["/delay_s"]),
        (ADD, '{"input": {"a": 1}, "priority": true}', 422, "validation-error", ["/priority"]),
        (ADD, '{"input": {"a": 1}, "tags": [1]}', 422, "validation-error", ["/tags/0"]),
        (ADD, "{}", 422, "validation-error", ["/input"]),
        (ADD, "[]", 422, "validation-error", [""]),
        (ADD, '{"input": {"a": 1, "b": NaN}}', 400, "not-json", []),
        (DRAW, '{"input": {"anything": -Infinity}}', 400, "not-json", []),
        (DRAW, DEEP, 400, "not-json", []),
        (ADD, '{"input": {"a"', 400, "not-json", []),
        (ADD, "", 400, "not-json", []),
        (ADD, b'{"input": {"a": "\xff"}}', 400, "not-json", []),
        (ADD, BOTH_TIMES, 422, "validation-error", ["/run_at"]),
        (ADD, '{"input": {"a": 1}, "run_at": "2030-01-01T00:00:00"}', 422, "validation-error", ["/run_at"]),
        (ADD, '{"input": {"a": 1}, "priority": 10}', 422, "validation-error", ["/priority"]),
        (ADD, '{"input": {"a": 1}, "queue": "a:b"}', 422, "validation-error", ["/queue"]),
        (ADD, '{"input": {"a": 1}, "max_attempts": 0}', 422, "validation-error", ["/max_attempts"]),
        (ADD, '{"input": {"a": 1}, "timeout_s": 0}', 422, "validation-error", ["/timeout_s"]),
        (ADD, '{"input": {"a": 1}, "tags": ["ok", "a\\nb"]}', 422, "validation-error", ["/tags/1"]),
        (ADD, MANY_TAGS, 422, "validation-error", ["/tags"]),
        (ADD, '{"input": {"a": 1, "words": "' + "x" * 1_100_000 + '"}}', 413, "too-large", []),
        ("/v1/tasks/demo.none/jobs", '{"input": {}}', 404, "not-found", []),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_bad_request_says_what_is_wrong_and_where(
    client: httpx.AsyncClient,
    worker: Worker,
    path: str,
    body: str | bytes,
    status: int,
    code: str,
    pointers: list[str],
) -> None:
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    problem = answer.json()

    assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{code}"
    assert problem["instance"] == path
    assert [error["pointer"] for error in problem.get("errors", [])] == pointers
    assert worker.redis.dbsize() == 0


async def test_pointer_into_a_union_names_places_of_the_body_alone(client: httpx.AsyncClient) -> None:
    answer = await client.post(DRAW, json={"input": {"shapes": [{"side": 1}, {"radius": -1}]}})
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers <= {"/input/shapes/1/radius", "/input/shapes/1/side"}
    assert "/input/shapes/1/radius" in pointers


async def test_problem_never_echoes_what_was_sent(client: httpx.AsyncClient) -> None:
    answer = await client.post(ADD, json={"input": {"a": "secret-word", "b": "secret-word"}})
    assert "secret-word" not in answer.text


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_body_that_does_not_say_json_is_415(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await client.post(ADD, content=b'{"input": {"a": 1}}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")


async def test_streamed_body_is_counted_too(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    answer = await client.post(ADD, content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_unavailable_task_names_the_extra_to_install(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/tasks/photo.missing/jobs", json={})
    assert answer.status_code == 404
    assert "jobline[none_such]" in answer.json()["detail"]


async def test_full_queue_is_429_and_consumes_no_key(serve: Serve, worker: Worker) -> None:
    async with serve(queue_limit=1) as client:
        first = await submit(client)
        full = await submit(client, **{"idempotency-key": "k"})
        worker.claim()
        again = await submit(client, **{"idempotency-key": "k"})

    assert (first.status_code, full.status_code, again.status_code) == (202, 429, 202)
    assert int(full.headers["retry-after"]) >= 1
    assert full.json()["code"] == "queue-full"
    assert "idempotent-replayed" not in again.headers
