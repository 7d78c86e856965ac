from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.keys import Key
from jobline.service.resources import Resources
from jobline.service.shapes.jobs import JobList
from jobline.service.shapes.task_models import make_job_union
from tests.support.service import ADD, Serve, Worker


async def submit(client: httpx.AsyncClient, path: str = ADD, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"a": 1} if path == ADD else {}
    job: dict[str, Any] = (await client.post(path, json={"input": given, **more})).json()
    return job


async def test_job_is_shown_as_the_contract_has_it(client: httpx.AsyncClient, worker: Worker) -> None:
    made = await submit(client, tags=["x"])
    claimed = worker.claim()
    progress = '{"done":1,"total":2,"unit":"","message":""}'
    worker.run(commands.attempts.report(claimed.id, claimed.fence, "progress", progress))
    job = (await client.get(f"/v1/jobs/{made['id']}")).json()

    assert {name: job[name] for name in job if not name.endswith("_at")} == {
        "id": made["id"], "task": "demo.add", "state": "STARTED", "queue": "sums", "priority": 5,
        "tags": ["x"], "attempt": 1, "max_attempts": 4, "cancel_requested": False, "retry_of": None,
        "batch_id": None, "result": None, "error": None,
        "progress": {"done": 1, "total": 2, "unit": "", "message": ""},
    }  # fmt: skip
    assert job["created_at"].endswith("Z")
    assert job["started_at"].endswith("Z")
    assert [job[name] for name in ("run_at", "finished_at", "expires_at")] == [None] * 3


async def test_answers_fit_documented_models(client: httpx.AsyncClient, worker: Worker, app: FastAPI) -> None:
    resources: Resources = app.state.resources
    job_adapter = TypeAdapter(make_job_union(item.job for item in resources.models.values()))
    done, failed, waiting = await submit(client), await submit(client), await submit(client)
    worker.succeed(worker.claim(), {"total": 2.0})
    worker.fail(worker.claim())
    for job in (done, failed, waiting):
        body = (await client.get(f"/v1/jobs/{job['id']}")).content
        read = job_adapter.validate_json(body)
        assert set((await client.get(f"/v1/jobs/{job['id']}")).json()) == set(type(read).model_fields)
    page = await client.get("/v1/jobs")
    assert len(JobList.model_validate_json(page.content, extra="forbid").items) == 3


async def test_failed_job_is_200_and_hides_its_traceback(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    worker.fail(worker.claim(), traceback="Traceback: secret")
    answer = await client.get(f"/v1/jobs/{job['id']}")

    assert answer.status_code == 200
    assert answer.json()["error"] == {
        "code": "demo.broken", "message": "It broke.", "retryable": False, "attempt": 1,
    }  # fmt: skip


async def test_traceback_is_shown_if_the_setting_allows_it(serve: Serve, worker: Worker) -> None:
    async with serve(tracebacks=True) as client:
        job = await submit(client)
        worker.fail(worker.claim(), traceback="Traceback: here")
        answer = await client.get(f"/v1/jobs/{job['id']}")
    assert answer.json()["error"]["traceback"] == "Traceback: here"


@pytest.mark.parametrize("job_id", ["019a0000-0000-7000-8000-000000000000", "no-uuid", "%00", "ä"])
@pytest.mark.parametrize("rest", ["", "/result", "?wait=1", "/artifacts", "/artifacts/x"])
async def test_unknown_job_is_404(client: httpx.AsyncClient, job_id: str, rest: str) -> None:
    answer = await client.get(f"/v1/jobs/{job_id}{rest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_expired_job_is_410(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    worker.succeed(worker.claim(), {"total": 2.0})
    worker.forget(job["id"])
    for path in ("", "/result", "/artifacts"):
        answer = await client.get(f"/v1/jobs/{job['id']}{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert (await client.post(f"/v1/jobs/{job['id']}/cancel")).status_code == 410


async def test_typed_path_serves_its_own_task_alone(client: httpx.AsyncClient) -> None:
    job = await submit(client)
    own = await client.get(f"{ADD}/{job['id']}")
    other = await client.get(f"/v1/tasks/demo.draw/jobs/{job['id']}")
    none = await client.get(f"/v1/tasks/demo.none/jobs/{job['id']}")

    assert (own.status_code, other.status_code, none.status_code) == (200, 404, 404)
    assert "demo.none" in none.json()["detail"]


async def test_etag_saves_what_has_not_changed(client: httpx.AsyncClient, worker: Worker) -> None:
    path = f"/v1/jobs/{(await submit(client))['id']}"
    tag = (await client.get(path)).headers["etag"]
    same = await client.get(path, headers={"if-none-match": f'"other", W/{tag}'})
    worker.claim()
    changed = await client.get(path, headers={"if-none-match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert changed.status_code == 200


async def test_result_alone(client: httpx.AsyncClient, worker: Worker) -> None:
    done, failed, waiting = await submit(client), await submit(client), await submit(client)
    worker.succeed(worker.claim(), {"total": 2.0})
    worker.fail(worker.claim())
    answers = [await client.get(f"/v1/jobs/{job['id']}/result") for job in (done, failed, waiting)]

    assert [answer.status_code for answer in answers] == [200, 409, 202]
    assert answers[0].json() == {"total": 2.0}
    assert "demo.broken" in answers[1].json()["detail"]
    assert int(answers[2].headers["retry-after"]) >= 1


async def test_cancel_of_a_waiting_job_is_for_good(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    answers = [await client.post(f"/v1/jobs/{job['id']}/cancel") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["state"] for answer in answers] == ["REVOKED", "REVOKED"]
    assert worker.redis.zcard(Key.WAITING.of("sums", "public")) == 0


async def test_cancel_of_a_running_job_asks_its_worker(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    claimed = worker.claim()
    answers = [await client.post(f"/v1/jobs/{job['id']}/cancel") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 200]
    assert (answers[0].json()["state"], answers[0].json()["cancel_requested"]) == ("STARTED", True)
    worker.run(commands.attempts.stop(claimed.id, claimed.fence, Retention(1000, 1000, 1000)))
    assert (await client.get(f"/v1/jobs/{job['id']}")).json()["state"] == "REVOKED"


async def test_cancel_of_a_finished_job_is_409(client: httpx.AsyncClient, worker: Worker) -> None:
    job = await submit(client)
    worker.succeed(worker.claim(), {"total": 2.0})
    answer = await client.post(f"/v1/jobs/{job['id']}/cancel")
    unknown = await client.post("/v1/jobs/none/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert unknown.status_code == 404
