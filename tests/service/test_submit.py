from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.embedded import EmbeddedRedis
from tests.service.conftest import Serve, Worker

ADD = "/v1/tasks/demo.add/jobs"
DRAW = "/v1/tasks/demo.draw/jobs"


async def submit(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(ADD, json={"input": {"a": 1}}, headers=headers)


async def test_submit_answers_202_with_the_job_that_the_ledger_holds(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    answer = await submit(client)
    job = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert (job["state"], job["queue"], job["max_attempts"]) == ("PENDING", "sums", 4)
    assert worker.redis.exists(f"jl:job:{job['id']}")
    assert worker.claim().id == job["id"]


async def test_stored_input_is_the_validated_one_with_its_defaults(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await submit(client)
    assert json.loads(worker.claim().input) == {"a": 1, "b": 1.0, "words": []}


async def test_options_reach_the_job(client: httpx.AsyncClient, worker: Worker) -> None:
    options = {
        "priority": 9,
        "queue": "other",
        "max_attempts": 7,
        "timeout_s": 5,
        "tags": ["x:y", "é", "x:y"],
    }
    answer = await client.post(ADD, json={"input": {"a": 1}, "expires_in_s": 60, **options})
    job = answer.json()

    assert (job["priority"], job["queue"], job["max_attempts"]) == (9, "other", 7)
    assert job["tags"] == ["x:y", "é"]
    assert job["expires_at"] is not None
    assert worker.claim("other").timeout_ms == 5000


@pytest.mark.parametrize("option", ["delay_s", "run_at"])
async def test_delayed_job_tells_when_it_is_due(client: httpx.AsyncClient, option: str) -> None:
    due = datetime.now(UTC) + timedelta(seconds=90)
    value: Any = 90 if option == "delay_s" else due.isoformat()
    answer = await client.post(ADD, json={"input": {"a": 1}, option: value})

    assert abs(datetime.fromisoformat(answer.json()["run_at"]) - due) < timedelta(seconds=5)
    assert 80 < int(answer.headers["retry-after"]) <= 90


async def test_validate_only_stores_nothing(client: httpx.AsyncClient, worker: Worker) -> None:
    answer = await client.post(f"{ADD}?validate_only=true", json={"input": {"a": 1}, "delay_s": 5})
    wrong = await client.post(f"{ADD}?validate_only=true", json={"input": {}})
    unclear = await client.post(f"{ADD}?validate_only=perhaps", json={"input": {"a": 1}})

    assert (answer.status_code, wrong.status_code, unclear.status_code) == (200, 422, 422)
    assert answer.json()["id"] == "00000000-0000-0000-0000-000000000000"
    assert worker.redis.dbsize() == 0


BOTH_TIMES = '{"input": {"a": 1}, "delay_s": 1, "run_at": "2030-01-01T00:00:00Z"}'
MANY_TAGS = json.dumps({"input": {"a": 1}, "tags": [str(i) for i in range(11)]})
DEEP = '{"input": {"anything": ' + "[" * 5000 + "]" * 5000 + "}}"


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "pointers"),
    [
        (ADD, '{"input": {"a": "x"}}', 422, "validation-error", ["/input/a"]),
        (ADD, '{"input": {"a": 1, "c": 2}, "z": 1}', 422, "validation-error", ["/input/c", "/z"]),
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


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.x+json"])
async def test_every_kind_of_json_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post(ADD, content=b'{"input": {"a": 1}}', headers={"content-type": content_type})
    assert answer.status_code == 202


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


async def test_submit_is_one_command_to_redis(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)  # connects and loads the script
    worker.redis.config_resetstat()
    for _ in range(5):
        assert (await submit(client)).status_code == 202
    calls = {name: stats["calls"] for name, stats in worker.redis.info("commandstats").items()}
    sent_by_scripts = {name for name in calls if name not in {"cmdstat_evalsha", "cmdstat_config|resetstat"}}

    assert calls["cmdstat_evalsha"] == 5
    assert sent_by_scripts.isdisjoint(
        {"cmdstat_ping", "cmdstat_hello", "cmdstat_multi", "cmdstat_script|load"}
    )


async def test_store_learns_the_scripts_again_after_redis_forgot_them(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await submit(client)
    worker.redis.script_flush()
    assert (await submit(client)).status_code == 202


async def test_dropped_connection_is_opened_anew(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)
    worker.redis.client_kill_filter(_type="normal", skipme=True)
    assert (await submit(client)).status_code == 202


async def test_stopped_redis_is_503_within_two_seconds(
    client: httpx.AsyncClient, redis_server: EmbeddedRedis, frozen_redis: None
) -> None:
    for path in (ADD, ADD):  # an open connection first, then a new one
        begin = time.monotonic()
        answer = await client.post(path, json={"input": {"a": 1}}, headers={"idempotency-key": "k"})
        assert time.monotonic() - begin < 2
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200


async def test_killed_redis_is_503_and_comes_back(
    client: httpx.AsyncClient, redis_server: EmbeddedRedis
) -> None:
    await submit(client)
    redis_server.kill()
    try:
        begin = time.monotonic()
        assert (await submit(client)).status_code == 503
        assert time.monotonic() - begin < 2
    finally:
        redis_server.start()
    assert (await submit(client)).status_code == 202


async def test_full_redis_is_503(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)
    worker.redis.config_set("maxmemory", 1)
    try:
        answer = await submit(client)
    finally:
        worker.redis.config_set("maxmemory", 0)
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger-unavailable")
