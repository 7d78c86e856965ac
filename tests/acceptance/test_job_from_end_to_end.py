"""A job by HTTP, with real processes, whatever happens to them."""

from __future__ import annotations

import io
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from jobline.cli.embedded import free_port
from tests.support.deployment import LEASE_S, Deployment
from tests.support.gate import Gate
from tests.support.processes import is_alive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance


def test_image_goes_from_upload_to_download(deployment: Deployment) -> None:
    photo = io.BytesIO()
    Image.effect_noise((640, 480), 50).convert("RGB").save(photo, "JPEG")
    upload = deployment.client.post(
        "/v1/files", files={"file": ("photo.jpg", photo.getvalue(), "image/jpeg")}
    )
    assert upload.status_code == 201, upload.text
    order = {"file": upload.json()["id"], "ops": [{"op": "resize", "width": 64}], "format": "png"}
    job = deployment.wait(deployment.submit("image.process", order))
    assert job["state"] == "SUCCESS", job
    (artifact,) = deployment.client.get(f"/v1/jobs/{job['id']}/artifacts").json()["items"]
    download = deployment.client.get(f"/v1/jobs/{job['id']}/artifacts/{artifact['name']}")
    with Image.open(io.BytesIO(download.content)) as made:
        assert (made.size, made.format) == ((64, 48), "PNG")
    assert artifact["size_bytes"] == len(download.content)


@pytest.mark.parametrize("task", ["test.echo", "test.echo_async"])
def test_prefork_runs_plain_and_async_tasks(deployment: Deployment, task: str) -> None:
    job = deployment.wait(deployment.submit(task, {"text": "häuser"}))
    assert (job["state"], job["result"], job["attempt"]) == ("SUCCESS", {"text": "häuser"}, 1)


CUSTOM: dict[str, dict[str, Any]] = {
    "threads": {"CELERY_CUSTOM_WORKER_POOL": "jobline.worker.pools:ThreadPool"},
    "light": {"CELERY_CUSTOM_WORKER_POOL": "jobline.worker.light:LightPool"},
}


@pytest.mark.parametrize("pool", ["threads", "light", "solo"])
def test_other_pools_run_plain_and_async_tasks(deployment: Deployment, pool: str) -> None:
    custom = CUSTOM.get(pool, {})
    queue = f"pool-{pool}"
    with deployment.worker("-Q", queue, "--pool", "custom" if custom else pool, **custom):
        jobs = [
            deployment.submit(task, {"text": f"{number}"}, queue=queue)
            for number in range(5)
            for task in ("test.echo", "test.echo_async")
        ]
        ended = [deployment.wait(job) for job in jobs]
        failed = deployment.wait(deployment.submit("test.crash", {"text": "x"}, queue=queue))
    assert [job["state"] for job in ended] == ["SUCCESS"] * 10
    assert [job["result"]["text"] for job in ended] == [str(number // 2) for number in range(10)]
    assert (failed["state"], failed["error"]["code"]) == ("FAILURE", "internal")


@pytest.mark.parametrize("pool", CUSTOM)
def test_many_coroutines_run_at_once_and_one_is_cancelled(
    deployment: Deployment, gate: Gate, pool: str
) -> None:
    queue = f"many-{pool}"
    with deployment.worker("-Q", queue, "--pool", "custom", slots=4, **CUSTOM[pool]):
        jobs = [deployment.submit("test.hold_async", gate.order, queue=queue) for _ in range(4)]
        gate.wait_for_start(4)
        assert deployment.cancel(jobs[0]) == 202
        assert deployment.wait(jobs[0])["state"] == "REVOKED"
        gate.open()
        assert [deployment.wait(job)["state"] for job in jobs[1:]] == ["SUCCESS"] * 3


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_task_may_use_processes_of_its_own(deployment: Deployment, pool: str) -> None:
    """A pool of processes in a task must neither be refused nor end the worker with its own signals."""
    custom = CUSTOM.get(pool, {})
    queue = f"many-{pool}"
    with deployment.worker("-Q", queue, "--pool", "custom" if custom else pool, **custom) as worker:
        jobs = [deployment.submit("test.processes", {"text": "Ab"}, queue=queue) for _ in range(3)]
        ended = [deployment.wait(job) for job in jobs]
        assert worker.is_alive, worker.output()
    assert [(job["state"], job["result"]) for job in ended] == [("SUCCESS", {"text": "AB ab"})] * 3


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_programs_of_a_job_end_with_it(deployment: Deployment, tmp_path: Path, way: str) -> None:
    """A job that counts as ended must not work on in programs that it started."""
    pids = tmp_path / "pids"
    options = {"timeout_s": 1} if way == "timeout" else {}
    job = deployment.submit("test.program", {"path": str(pids)}, **options)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, 10, "the programs run")
    if way == "cancel":
        assert deployment.cancel(job) == 202
    ended = deployment.wait(job, within_s=15)
    assert ended["error"]["code"] == ("cancelled" if way == "cancel" else "timeout")
    wait_until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()), 5, "they have ended")


def test_cancelled_waiting_job_never_starts(deployment: Deployment, gate: Gate) -> None:
    cancelled = deployment.submit("test.hold", gate.order, queue="no-worker-yet")
    assert deployment.cancel(cancelled) == 200
    assert deployment.read(cancelled)["state"] == "REVOKED"
    sentinel = deployment.submit("test.echo", {"text": "after"}, queue="no-worker-yet")
    with deployment.worker("-Q", "no-worker-yet"):
        assert deployment.wait(sentinel)["state"] == "SUCCESS"
    assert gate.starts() == []
    assert deployment.read(cancelled)["state"] == "REVOKED"


@pytest.mark.parametrize("task", ["test.hold", "test.hold_async", "test.stubborn"])
def test_cancelled_running_job_stops(deployment: Deployment, gate: Gate, task: str) -> None:
    job = deployment.submit(task, gate.order)
    gate.wait_for_start()
    assert deployment.cancel(job) == 202
    ended = deployment.wait(job, within_s=10)
    assert (ended["state"], ended["cancel_requested"], ended["error"]["code"]) == (
        "REVOKED",
        True,
        "cancelled",
    )
    assert len(gate.starts()) == 1


def test_job_of_a_killed_worker_starts_again_and_ends_once(deployment: Deployment, gate: Gate) -> None:
    with deployment.worker("-Q", "lost") as first, deployment.worker("-Q", "lost", slots=1) as second:
        jobs = [deployment.submit("test.hold", gate.order, queue="lost") for _ in range(3)]
        gate.wait_for_start(3)
        killed = time.monotonic()
        first.kill()
        gate_open_at = 5
        deployment.wait(jobs[0], "STARTED")
        third = deployment.start_worker("-Q", "lost")
        gate.wait_for_start(gate_open_at, within_s=LEASE_S + 5)
        assert time.monotonic() - killed < LEASE_S + 5
        assert second.is_alive
        gate.open()
        ended = [deployment.wait(job) for job in jobs]
        third.kill()
    assert [job["state"] for job in ended] == ["SUCCESS"] * 3
    assert sorted(job["attempt"] for job in ended) == [1, 2, 2]
    assert len(gate.starts()) == 5


def test_job_ends_though_its_api_was_killed_right_after_the_202(deployment: Deployment) -> None:
    port = free_port()
    api = deployment.start_api(port)
    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/tasks/test.later/jobs", json={"input": {"seconds": 0}}, trust_env=False
    )
    api.kill()
    assert answer.status_code == 202
    assert deployment.wait(answer.json()["id"])["state"] == "SUCCESS"


def test_planned_stop_releases_a_running_job_uncounted(deployment: Deployment, gate: Gate) -> None:
    environment: dict[str, Any] = {"REMAP_SIGTERM": "SIGQUIT", "JOBLINE_STOP_GRACE_S": "0.5"}
    job = deployment.submit("test.hold", gate.order, queue="stop", max_attempts=1)
    with deployment.worker("-Q", "stop", **environment) as worker:
        gate.wait_for_start()
        worker.send_signal(signal.SIGTERM)
        worker.wait(15)
    released = deployment.read(job)
    assert (released["state"], released["attempt"]) == ("PENDING", 0)
    with deployment.worker("-Q", "stop"):
        gate.wait_for_start(2)
        gate.open()
        ended = deployment.wait(job)
    assert (ended["state"], ended["attempt"]) == ("SUCCESS", 1)


def test_planned_stop_lets_a_short_job_end(deployment: Deployment, gate: Gate) -> None:
    job = deployment.submit("test.hold", gate.order, queue="stop-soft")
    environment: dict[str, Any] = {"REMAP_SIGTERM": "SIGQUIT", "JOBLINE_STOP_GRACE_S": "10"}
    with deployment.worker("-Q", "stop-soft", **environment) as worker:
        gate.wait_for_start()
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: "this worker stops" in worker.output(), 30, "the stop began")
        gate.open()
        worker.wait(9)
    assert (deployment.read(job)["state"], deployment.read(job)["attempt"]) == ("SUCCESS", 1)


@pytest.mark.parametrize("task", ["test.hold_async", "test.hold"])
def test_planned_stop_of_the_light_pool_lets_jobs_go_on_and_releases_the_rest(
    deployment: Deployment, gate: Gate, task: str
) -> None:
    queue = f"light-{task}"
    never = Gate(gate.path.with_name(f"{gate.path.stem}-never"))
    long = deployment.submit("test.hold_async", never.order, queue=queue)
    environment = {**CUSTOM["light"], "JOBLINE_STOP_GRACE_S": "3"}
    with deployment.worker("-Q", queue, "--pool", "custom", **environment) as worker:
        deployment.wait(long, "STARTED")
        short = deployment.submit(task, gate.order, queue=queue)
        gate.wait_for_start()
        worker.send_signal(signal.SIGTERM)
        wait_until(lambda: "this worker stops" in worker.output(), 30, "the stop began")
        gate.open()
        assert worker.wait(9) == 0
    assert "Error" not in worker.output()
    assert (deployment.read(short)["state"], deployment.read(short)["attempt"]) == ("SUCCESS", 1)
    assert (deployment.read(long)["state"], deployment.read(long)["attempt"]) == ("PENDING", 0)


@pytest.mark.parametrize("task", ["test.hold", "test.hold_async", "test.stubborn"])
def test_attempt_past_its_limit_is_a_timeout(deployment: Deployment, gate: Gate, task: str) -> None:
    job = deployment.wait(deployment.submit(task, gate.order, timeout_s=0.5), within_s=10)
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("FAILURE", "timeout", 1)
    assert len(gate.starts()) == 1


def test_task_that_takes_its_process_away_fails_and_others_go_on(deployment: Deployment) -> None:
    poison = deployment.submit("test.exit", {"text": ""})
    other = deployment.submit("test.echo", {"text": "alive"})
    assert deployment.wait(other)["state"] == "SUCCESS"
    ended = deployment.wait(poison)
    assert (ended["state"], ended["error"]["code"], ended["attempt"]) == ("FAILURE", "worker-lost", 2)


def test_task_with_a_missing_extra_is_not_offered_and_says_why(deployment: Deployment) -> None:
    answer = deployment.client.post("/v1/tasks/test.missing/jobs", json={"input": {"text": ""}})
    assert answer.status_code == 404
    assert "install jobline[nothing]" in answer.json()["detail"]
    assert "install jobline[nothing]" in deployment.programs[0].output()


def test_scheduled_job_starts_at_its_time(deployment: Deployment) -> None:
    job = deployment.submit("test.echo", {"text": "later"}, delay_s=1.5)
    assert deployment.read(job)["state"] == "PENDING"
    ended = deployment.wait(job)
    assert ended["state"] == "SUCCESS"
    assert ended["run_at"] <= ended["started_at"]
