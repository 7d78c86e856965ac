"""A job by HTTP, with real processes, whatever happens to them."""

from __future__ import annotations

import io
import signal
import time
from typing import Any

import httpx
import pytest
from PIL import Image

from jobline.cli.embedded import free_port
from tests.acceptance.gate import Gate
from tests.acceptance.house import LEASE_S, House
from tests.acceptance.processes import wait_until

pytestmark = pytest.mark.acceptance


def test_image_goes_from_upload_to_download(house: House) -> None:
    photo = io.BytesIO()
    Image.effect_noise((640, 480), 50).convert("RGB").save(photo, "JPEG")
    upload = house.client.post("/v1/files", files={"file": ("photo.jpg", photo.getvalue(), "image/jpeg")})
    assert upload.status_code == 201, upload.text
    order = {"file": upload.json()["id"], "ops": [{"op": "resize", "width": 64}], "format": "png"}
    job = house.wait(house.submit("image.process", order))
    assert job["state"] == "SUCCESS", job
    (artifact,) = house.client.get(f"/v1/jobs/{job['id']}/artifacts").json()["items"]
    download = house.client.get(f"/v1/jobs/{job['id']}/artifacts/{artifact['name']}")
    with Image.open(io.BytesIO(download.content)) as made:
        assert (made.size, made.format) == ((64, 48), "PNG")
    assert artifact["size_bytes"] == len(download.content)


@pytest.mark.parametrize("task", ["test.echo", "test.echo_async"])
def test_prefork_runs_plain_and_async_tasks(house: House, task: str) -> None:
    job = house.wait(house.submit(task, {"text": "häuser"}))
    assert (job["state"], job["result"], job["attempt"]) == ("SUCCESS", {"text": "häuser"}, 1)


CUSTOM: dict[str, dict[str, Any]] = {
    "threads": {"CELERY_CUSTOM_WORKER_POOL": "jobline.worker.pools:ThreadPool"},
    "light": {"CELERY_CUSTOM_WORKER_POOL": "jobline.worker.light:LightPool"},
}


@pytest.mark.parametrize("pool", ["threads", "light", "solo"])
def test_other_pools_run_plain_and_async_tasks(house: House, pool: str) -> None:
    custom = CUSTOM.get(pool, {})
    queue = f"pool-{pool}"
    with house.worker("-Q", queue, "--pool", "custom" if custom else pool, **custom):
        jobs = [
            house.submit(task, {"text": f"{number}"}, queue=queue)
            for number in range(5)
            for task in ("test.echo", "test.echo_async")
        ]
        ended = [house.wait(job) for job in jobs]
        failed = house.wait(house.submit("test.crash", {"text": "x"}, queue=queue))
    assert [job["state"] for job in ended] == ["SUCCESS"] * 10
    assert [job["result"]["text"] for job in ended] == [str(number // 2) for number in range(10)]
    assert (failed["state"], failed["error"]["code"]) == ("FAILURE", "internal")


@pytest.mark.parametrize("pool", CUSTOM)
def test_many_coroutines_run_at_once_and_one_is_cancelled(house: House, gate: Gate, pool: str) -> None:
    queue = f"many-{pool}"
    with house.worker("-Q", queue, "--pool", "custom", slots=4, **CUSTOM[pool]):
        jobs = [house.submit("test.hold_async", gate.order, queue=queue) for _ in range(4)]
        gate.wait_for_start(4)
        assert house.cancel(jobs[0]) == 202
        assert house.wait(jobs[0])["state"] == "REVOKED"
        gate.open()
        assert [house.wait(job)["state"] for job in jobs[1:]] == ["SUCCESS"] * 3


def test_cancelled_waiting_job_never_starts(house: House, gate: Gate) -> None:
    cancelled = house.submit("test.hold", gate.order, queue="no-worker-yet")
    assert house.cancel(cancelled) == 200
    assert house.read(cancelled)["state"] == "REVOKED"
    sentinel = house.submit("test.echo", {"text": "after"}, queue="no-worker-yet")
    with house.worker("-Q", "no-worker-yet"):
        assert house.wait(sentinel)["state"] == "SUCCESS"
    assert gate.starts() == []
    assert house.read(cancelled)["state"] == "REVOKED"


@pytest.mark.parametrize("task", ["test.hold", "test.hold_async", "test.stubborn"])
def test_cancelled_running_job_stops(house: House, gate: Gate, task: str) -> None:
    job = house.submit(task, gate.order)
    gate.wait_for_start()
    assert house.cancel(job) == 202
    ended = house.wait(job, within_s=10)
    assert (ended["state"], ended["cancel_requested"], ended["error"]["code"]) == (
        "REVOKED",
        True,
        "cancelled",
    )
    assert len(gate.starts()) == 1


def test_job_of_a_killed_worker_starts_again_and_ends_once(house: House, gate: Gate) -> None:
    with house.worker("-Q", "lost") as first, house.worker("-Q", "lost", slots=1) as second:
        jobs = [house.submit("test.hold", gate.order, queue="lost") for _ in range(3)]
        gate.wait_for_start(3)
        killed = time.monotonic()
        first.kill()
        gate_open_at = 5
        house.wait(jobs[0], "STARTED")
        third = house.start_worker("-Q", "lost")
        gate.wait_for_start(gate_open_at, within_s=LEASE_S + 5)
        assert time.monotonic() - killed < LEASE_S + 5
        assert second.is_alive
        gate.open()
        ended = [house.wait(job) for job in jobs]
        third.kill()
    assert [job["state"] for job in ended] == ["SUCCESS"] * 3
    assert sorted(job["attempt"] for job in ended) == [1, 2, 2]
    assert len(gate.starts()) == 5


def test_job_ends_though_its_api_was_killed_right_after_the_202(house: House) -> None:
    port = free_port()
    api = house.start_api(port)
    answer = httpx.post(
        f"http://127.0.0.1:{port}/v1/tasks/test.later/jobs", json={"input": {"seconds": 0}}, trust_env=False
    )
    api.kill()
    assert answer.status_code == 202
    assert house.wait(answer.json()["id"])["state"] == "SUCCESS"


def test_planned_stop_hands_a_running_job_back_uncounted(house: House, gate: Gate) -> None:
    environment: dict[str, Any] = {"REMAP_SIGTERM": "SIGQUIT", "JOBLINE_STOP_GRACE_S": "0.5"}
    job = house.submit("test.hold", gate.order, queue="stop", max_attempts=1)
    with house.worker("-Q", "stop", **environment) as worker:
        gate.wait_for_start()
        worker.tell(signal.SIGTERM)
        worker.wait(15)
    handed_back = house.read(job)
    assert (handed_back["state"], handed_back["attempt"]) == ("PENDING", 0)
    with house.worker("-Q", "stop"):
        gate.wait_for_start(2)
        gate.open()
        ended = house.wait(job)
    assert (ended["state"], ended["attempt"]) == ("SUCCESS", 1)


def test_planned_stop_lets_a_short_job_end(house: House, gate: Gate) -> None:
    job = house.submit("test.hold", gate.order, queue="stop-soft")
    environment: dict[str, Any] = {"REMAP_SIGTERM": "SIGQUIT", "JOBLINE_STOP_GRACE_S": "10"}
    with house.worker("-Q", "stop-soft", **environment) as worker:
        gate.wait_for_start()
        worker.tell(signal.SIGTERM)
        wait_until(lambda: "Ctrl+C again" in worker.told(), 30, "the stop began")
        gate.open()
        worker.wait(9)
    assert (house.read(job)["state"], house.read(job)["attempt"]) == ("SUCCESS", 1)


@pytest.mark.parametrize("task", ["test.hold_async", "test.hold"])
def test_planned_stop_of_the_light_pool_lets_jobs_go_on_and_hands_back_the_rest(
    house: House, gate: Gate, task: str
) -> None:
    queue = f"light-{task}"
    never = Gate(gate.path.with_name(f"{gate.path.stem}-never"))
    long = house.submit("test.hold_async", never.order, queue=queue)
    environment = {**CUSTOM["light"], "JOBLINE_STOP_GRACE_S": "3"}
    with house.worker("-Q", queue, "--pool", "custom", **environment) as worker:
        house.wait(long, "STARTED")
        short = house.submit(task, gate.order, queue=queue)
        gate.wait_for_start()
        worker.tell(signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in worker.told(), 30, "the stop began")
        gate.open()
        assert worker.wait(9) == 0
    assert "Error" not in worker.told()
    assert (house.read(short)["state"], house.read(short)["attempt"]) == ("SUCCESS", 1)
    assert (house.read(long)["state"], house.read(long)["attempt"]) == ("PENDING", 0)


@pytest.mark.parametrize("task", ["test.hold", "test.hold_async", "test.stubborn"])
def test_attempt_past_its_limit_is_a_timeout(house: House, gate: Gate, task: str) -> None:
    job = house.wait(house.submit(task, gate.order, timeout_s=0.5), within_s=10)
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("FAILURE", "timeout", 1)
    assert len(gate.starts()) == 1


def test_task_that_takes_its_process_away_fails_and_others_go_on(house: House) -> None:
    poison = house.submit("test.exit", {"text": ""})
    other = house.submit("test.echo", {"text": "alive"})
    assert house.wait(other)["state"] == "SUCCESS"
    ended = house.wait(poison)
    assert (ended["state"], ended["error"]["code"], ended["attempt"]) == ("FAILURE", "worker-lost", 2)


def test_task_with_a_missing_extra_is_not_offered_and_says_why(house: House) -> None:
    answer = house.client.post("/v1/tasks/test.missing/jobs", json={"input": {"text": ""}})
    assert answer.status_code == 404
    assert "install jobline[nothing]" in answer.json()["detail"]
    assert "install jobline[nothing]" in house.programs[0].told()


def test_scheduled_job_starts_at_its_time(house: House) -> None:
    job = house.submit("test.echo", {"text": "later"}, delay_s=1.5)
    assert house.read(job)["state"] == "PENDING"
    ended = house.wait(job)
    assert ended["state"] == "SUCCESS"
    assert ended["run_at"] <= ended["started_at"]
