"""Submits: what they store, return and cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from jobline.ledger.keys import Key
from tests.support.service import ADD, Worker, submit


async def test_submit_answers_202_with_the_job_that_the_ledger_holds(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    answer = await submit(client)
    job = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert (job["state"], job["queue"], job["max_attempts"]) == ("PENDING", "sums", 4)
    assert worker.redis.exists(Key.JOB.of(job["id"]))
    assert worker.claim().id == job["id"]


async def test_stored_input_is_what_was_sent(client: httpx.AsyncClient, worker: Worker) -> None:
    await submit(client)
    assert worker.claim().input == b'{"a":1}'


async def test_whole_number_may_have_a_fraction_of_zero(client: httpx.AsyncClient, worker: Worker) -> None:
    answer = await client.post(ADD, json={"input": {"a": 1.0, "b": 2}, "priority": 9.0})
    assert answer.json()["priority"] == 9
    assert json.loads(worker.claim().input) == {"a": 1, "b": 2}


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


async def test_queue_that_nobody_declared_is_refused(client: httpx.AsyncClient, worker: Worker) -> None:
    """A client with one key made queues without end, until every tick and list took longer than Redis may."""
    answer = await client.post(ADD, json={"input": {"a": 1}, "queue": "q-1"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/queue")
    assert "default, other" in answer.json()["detail"]
    jobs = [{"task": "demo.add", "input": {"a": 1}, "queue": f"q-{number}"} for number in range(1000)]
    jobs[0]["queue"] = "other"
    answer = await client.post("/v1/batches", json={"jobs": jobs})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/jobs/1/queue")
    assert not worker.redis.exists(Key.QUEUES.of())


@pytest.mark.parametrize("option", ["delay_s", "run_at"])
async def test_delayed_job_shows_when_it_is_due(client: httpx.AsyncClient, option: str) -> None:
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


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.x+json"])
async def test_every_kind_of_json_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post(ADD, content=b'{"input": {"a": 1}}', headers={"content-type": content_type})
    assert answer.status_code == 202


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
