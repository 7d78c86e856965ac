"""Stock Celery clients and tools over the ledger: they see what the API sees."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as CeleryTimeout
from celery.result import AsyncResult

from jobline.domain.errors import TaskError, Unprocessable
from tests.support.deployment import FINAL, Deployment, Json, celery
from tests.support.gate import Gate
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance


def states(deployment: Deployment, app: Any, job_id: str) -> tuple[str, str]:
    """Read a job that does not move in both ways."""
    return deployment.read(job_id)["state"], AsyncResult(job_id, app=app).state


def run(deployment: Deployment, *command: str) -> str:
    """Run a program in another process to its end and return its output."""
    done = subprocess.run(
        command,
        cwd=deployment.directory,
        env=deployment.environment(),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_see_every_state_while_it_lasts(deployment: Deployment, app: Any, gate: Gate) -> None:
    pending = deployment.submit("test.echo", {"text": ""}, queue="nobody")
    started = deployment.submit("test.hold", gate.order)
    retry = deployment.submit("test.later", {"seconds": 60})
    success = deployment.submit("test.echo", {"text": ""})
    failure = deployment.submit("test.fail", {"text": "x"})
    revoked = deployment.submit("test.echo", {"text": ""}, queue="nobody")
    deployment.cancel(revoked)
    gate.wait_for_start()
    deployment.wait(retry, "RETRY")
    deployment.wait(success)
    deployment.wait(failure)
    found = [states(deployment, app, job) for job in (pending, started, retry, success, failure, revoked)]
    assert found == [
        (name, name) for name in ("PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED")
    ]


def test_both_agree_at_every_poll(deployment: Deployment, app: Any) -> None:
    jobs = [
        deployment.submit("test.later", {"seconds": 0.3}),
        deployment.submit("test.crash", {"text": "x"}),
        deployment.submit("test.echo_async", {"text": ""}, delay_s=0.5),
    ]
    give_up = time.monotonic() + 20
    seen: dict[str, list[str]] = {job: [] for job in jobs}
    while not all(states and states[-1] in FINAL for states in seen.values()):
        assert time.monotonic() < give_up, seen
        for job in jobs:
            before = deployment.read(job)["state"]
            state = AsyncResult(job, app=app).state
            after = deployment.read(job)["state"]
            if before == after:  # the job did not move meanwhile
                assert state == before
            seen[job].append(after)
    assert [states[-1] for states in seen.values()] == ["SUCCESS", "FAILURE", "SUCCESS"]


def test_get_returns_the_value(deployment: Deployment, app: Any) -> None:
    result = AsyncResult(deployment.submit("test.echo", {"text": "ä"}), app=app)
    assert result.get(timeout=20) == {"text": "ä"}
    assert result.successful()
    assert result.result == {"text": "ä"}
    assert result.traceback is None
    assert deployment.read(result.id)["result"] == {"text": "ä"}


def test_get_waits_for_a_running_job_and_its_timeout_holds(
    deployment: Deployment, app: Any, gate: Gate
) -> None:
    result = AsyncResult(deployment.submit("test.hold", gate.order), app=app)
    gate.wait_for_start()
    with pytest.raises(CeleryTimeout):
        result.get(timeout=0.3)
    gate.open()
    assert result.get(timeout=20)["attempt"] == 1


@pytest.mark.parametrize(("task", "code"), [("test.fail", "test.broken"), ("test.crash", "internal")])
def test_get_raises_the_error_and_has_the_traceback(
    deployment: Deployment, app: Any, task: str, code: str
) -> None:
    result = AsyncResult(deployment.submit(task, {"text": "oh no"}), app=app)
    with pytest.raises(TaskError, match="oh no") as caught:
        result.get(timeout=20)
    error = deployment.read(result.id)["error"]
    assert (caught.value.code, caught.value.message) == (code, error["message"])
    assert error["code"] == code
    assert result.failed()
    assert "tasks/acceptance.py" in result.traceback
    assert result.traceback == error["traceback"]


def test_get_of_a_cancelled_job_raises_revoked(deployment: Deployment, app: Any) -> None:
    job = deployment.submit("test.echo", {"text": ""}, queue="nobody")
    deployment.cancel(job)
    with pytest.raises(TaskRevokedError, match="cancelled"):
        AsyncResult(job, app=app).get(timeout=5)


def test_unknown_id_is_404_by_the_api(deployment: Deployment, app: Any) -> None:
    job_id = str(uuid.uuid4())
    assert deployment.client.get(f"/v1/jobs/{job_id}").status_code == 404
    assert AsyncResult(job_id, app=app).state == "PENDING"  # Celery has no state for an unknown id


def test_another_process_sends_into_the_same_ledger(deployment: Deployment) -> None:
    program = (
        "import json; from jobline.worker.main import app\n"
        "one = app.send_task('test.echo', args=[{'text': 'by position'}])\n"
        "two = app.tasks['test.echo'].delay(text='by name')\n"
        "three = app.send_task('test.echo', kwargs={'text': 'later'}, countdown=1, priority=9, expires=60)\n"
        "print(json.dumps([[one.id, two.id, three.id], [r.get(timeout=20) for r in (one, two, three)]]))\n"
    )
    ids, results = json.loads(run(deployment, sys.executable, "-c", program))
    assert [one["text"] for one in results] == ["by position", "by name", "later"]
    jobs: list[Json] = [deployment.read(job) for job in ids]
    assert [(job["state"], job["result"]) for job in jobs] == [("SUCCESS", result) for result in results]
    assert jobs[2]["priority"] == 9
    assert jobs[2]["run_at"] <= jobs[2]["started_at"]
    listed = deployment.client.get("/v1/jobs", params={"task": "test.echo"}).json()["items"]
    assert set(ids) <= {job["id"] for job in listed}


def test_wrong_input_of_a_stock_client_is_refused_at_once(deployment: Deployment, app: Any) -> None:
    with pytest.raises(Unprocessable, match=r"test\.echo is not valid: /text"):
        app.send_task("test.echo", args=[{"text": 7}])
    with pytest.raises(Unprocessable, match="one positional object"):
        app.send_task("test.echo", args=[1, 2])


def test_inspect_answers(deployment: Deployment, gate: Gate) -> None:
    job = deployment.submit("test.hold", gate.order)
    gate.wait_for_start()
    asked = ("ping", "registered", "active")
    with ThreadPoolExecutor() as pool:
        commands = [
            celery("inspect", word, "--json", "--timeout", "2", "-d", "worker-01@test") for word in asked
        ]
        ping, registered, active = pool.map(lambda command: json.loads(run(deployment, *command)), commands)
    assert ping == {"worker-01@test": {"ok": "pong"}}
    (node,) = [name for name in active if active[name]]
    assert [one["id"] for one in active[node]] == [job]
    names = {one.split()[0] for one in registered[node]}  # a name may be followed by its limits
    assert "test.echo" in names
    assert "test.missing" not in names


def test_events_reach_a_dump(deployment: Deployment) -> None:
    dump = deployment.start("events", celery("events", "--dump"))
    try:
        wait_until(lambda: "starting capture" in dump.output(), 30, "the dump listens")

        def is_in_dump() -> bool:
            job = deployment.submit("test.echo", {"text": "event"})
            deployment.wait(job)
            return any("succeeded" in line and job in line for line in dump.output().splitlines())

        wait_until(is_in_dump, 15, "task-succeeded in the dump")
    finally:
        dump.kill()
    lines = dump.output()
    assert "test.echo" in lines
    assert "received" in lines


def test_purge_drops_no_accepted_job(deployment: Deployment, app: Any) -> None:
    job = deployment.submit("test.echo", {"text": ""}, queue="nobody")
    assert app.control.purge() == 0
    assert deployment.read(job)["state"] == "PENDING"
