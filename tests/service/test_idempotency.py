"""One key and one request make one job, however often they come."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.service.conftest import ADD, DRAW, Worker, submit


async def test_thousand_posts_with_one_key_make_one_job(client: httpx.AsyncClient, worker: Worker) -> None:
    answers = await asyncio.gather(*(submit(client, **{"idempotency-key": "k"}) for _ in range(1000)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 999
    assert worker.redis.zcard("jl:wait:sums:public") == 1


async def test_replay_shows_the_job_as_it_is_now(client: httpx.AsyncClient, worker: Worker) -> None:
    first = await submit(client, **{"idempotency-key": '"quoted"'})
    worker.succeed(worker.claim(), {"total": 2.0})
    again = await submit(client, **{"idempotency-key": "quoted"})

    assert again.status_code == first.status_code
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.json()["state"], again.json()["result"]) == ("SUCCESS", {"total": 2.0})


async def test_same_key_with_another_request_is_422(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k"}
    await client.post(ADD, json={"input": {"a": 1}}, headers=headers)
    other = await client.post(ADD, json={"input": {"a": 2}}, headers=headers)
    options = await client.post(ADD, json={"input": {"a": 1}, "priority": 6}, headers=headers)
    elsewhere = await client.post(DRAW, json={"input": {}}, headers=headers)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert options.status_code == 422
    assert elsewhere.status_code == 202


async def test_equal_requests_in_other_words_are_one(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k", "content-type": "application/json"}
    bodies = (
        '{"input": {"a": 1, "b": 1, "words": ["x", "y"]}}',
        '{"priority": 5, "input": {"words": ["y", "x"], "b": 1.0, "a": 1}}',
    )
    answers = [await client.post(ADD, content=body, headers=headers) for body in bodies]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]


async def test_invalid_request_consumes_no_key(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "k"}
    wrong = await client.post(ADD, json={"input": {}}, headers=headers)
    right = await client.post(ADD, json={"input": {"a": 1}}, headers=headers)

    assert (wrong.status_code, right.status_code) == (422, 202)
    assert "idempotent-replayed" not in right.headers


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "\x01"])
async def test_key_that_cannot_be_kept_is_422(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post(ADD, json={"input": {"a": 1}}, headers={"idempotency-key": key})
    assert answer.status_code == 422
