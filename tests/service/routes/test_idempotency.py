"""The same key with the same request creates one job, however often it is sent."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from jobline.ledger.keys import Key
from tests.support.service import ADD, DRAW, Serve, Worker, submit, waiting
from tests.support.waiting import DEADLINE_S, until


async def test_thousand_posts_with_one_key_make_one_job(client: httpx.AsyncClient, worker: Worker) -> None:
    """A loaded machine may answer 503 after 1.5 s: such a submit is sent again, as a client would."""
    answers: list[httpx.Response] = []
    async with asyncio.timeout(DEADLINE_S):
        while missing := 1000 - len(answers):
            sent = await asyncio.gather(*(submit(client, **{"idempotency-key": "k"}) for _ in range(missing)))
            answers += [answer for answer in sent if answer.status_code != 503]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) >= 999
    assert worker.redis.zcard(Key.WAITING.of("sums", "public")) == 1


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


async def wait_for_end(client: httpx.AsyncClient, worker: Worker, **more: str) -> httpx.Response:
    """Submit with a key and `Prefer: wait`, and let the job end meanwhile."""
    headers = {"idempotency-key": "k", "prefer": "wait=20", **more}
    asked = asyncio.create_task(submit(client, **headers))
    await until(waiting(worker, 1))
    worker.succeed(worker.claim(), {"total": 2.0})
    return await asked


async def test_replay_of_a_job_that_ended_while_its_client_waited_is_200(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    first = await wait_for_end(client, worker)
    again = await submit(client, **{"idempotency-key": "k"})

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert "retry-after" not in again.headers
    assert "preference-applied" not in again.headers


@pytest.mark.parametrize(
    ("prefer", "status", "applied"), [("wait=5", 200, "wait=5"), ("respond-async", 202, "respond-async")]
)
async def test_preference_of_the_replay_itself_decides(
    client: httpx.AsyncClient, worker: Worker, prefer: str, status: int, applied: str
) -> None:
    await wait_for_end(client, worker)
    again = await submit(client, **{"idempotency-key": "k", "prefer": prefer})

    assert (again.status_code, again.headers["preference-applied"]) == (status, applied)
    assert again.headers["idempotent-replayed"] == "true"


async def test_answer_to_a_replay_is_not_what_later_replays_get(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    first = await submit(client, **{"idempotency-key": "k"})
    worker.succeed(worker.claim(), {"total": 2.0})
    waited = await submit(client, **{"idempotency-key": "k", "prefer": "wait=5"})
    again = await submit(client, **{"idempotency-key": "k"})

    assert (first.status_code, waited.status_code, again.status_code) == (202, 200, 202)


async def test_first_of_many_at_once_is_the_one_that_made_the_job(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    plain = [asyncio.create_task(submit(client, **{"idempotency-key": "k"})) for _ in range(20)]
    await asyncio.gather(*plain)
    asked = [
        asyncio.create_task(submit(client, **{"idempotency-key": "k", "prefer": "wait=20"}))
        for _ in range(20)
    ]
    worker.succeed(worker.claim(), {"total": 2.0})
    waited = await asyncio.gather(*asked)
    again = await submit(client, **{"idempotency-key": "k"})

    assert {answer.status_code for answer in waited} == {200}
    assert again.status_code == 202


async def test_replay_of_a_wait_that_ran_out_is_202(client: httpx.AsyncClient, worker: Worker) -> None:
    first = await submit(client, **{"idempotency-key": "k", "prefer": "wait=1"})
    worker.succeed(worker.claim(), {"total": 2.0})
    again = await submit(client, **{"idempotency-key": "k"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["state"] == "SUCCESS"


async def test_replay_of_a_delayed_job_that_ended_in_time_is_200(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    body, headers = {"input": {"a": 1}, "delay_s": 60}, {"idempotency-key": "k"}
    asked = asyncio.create_task(client.post(ADD, json=body, headers={**headers, "prefer": "wait=20"}))
    await until(lambda: worker.redis.zcard(Key.DUE.of("sums")) == 1)
    worker.make_due("sums")
    worker.succeed(worker.claim(), {"total": 2.0})
    first = await asked
    again = await client.post(ADD, json=body, headers=headers)

    assert (first.status_code, again.status_code) == (200, 200)


async def test_replay_outlives_the_process_and_ends_with_the_job(serve: Serve, worker: Worker) -> None:
    async with serve() as client:
        first = await wait_for_end(client, worker)
    async with serve() as client:
        assert (await submit(client, **{"idempotency-key": "k"})).status_code == 200
        assert (await client.delete(first.headers["location"])).status_code == 204
        anew = await submit(client, **{"idempotency-key": "k"})

    assert (anew.status_code, "idempotent-replayed" in anew.headers) == (202, False)


async def test_wait_without_a_key_leaves_no_note(client: httpx.AsyncClient, worker: Worker) -> None:
    asked = asyncio.create_task(submit(client, prefer="wait=20"))
    await until(waiting(worker, 1))
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await asked

    assert answer.status_code == 200
    assert not worker.redis.hexists(Key.JOB.of(answer.json()["id"]), "answered")
