"""`jobline dev` and `jobline demo`, for real: Redis, stock Celery and uvicorn."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import redis

from jobline.cli.embedded import free_port
from jobline.cli.supervision.processes import PROC, read_environment
from jobline.cli.supervision.supervisor import PID_FILE_NAME
from jobline.running import find_running
from tests.support.processes import JOBLINE, environment, is_alive
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]


@dataclass
class Dev:
    """One running `jobline dev`."""

    process: subprocess.Popen[str]
    data_dir: Path
    http: httpx.Client
    lines: queue.Queue[str]
    seen: set[int]

    def wait_for_line(self, words: str) -> None:
        while words not in self.lines.get(timeout=DEADLINE_S):
            pass

    def pid(self, name: str) -> int:
        return int(json.loads((self.data_dir / PID_FILE_NAME).read_text())["children"][name][0])

    def alive(self) -> set[int]:
        """Find every process that it has started, by the pid file, and, with theirs, by the environment."""
        word = f"JOBLINE_DATA_DIR={self.data_dir}".encode()
        with contextlib.suppress(FileNotFoundError):
            self.seen.update(self.pid(name) for name in ("redis", "worker", "api"))
        self.seen.update(
            int(entry.name) for entry in PROC.glob("[0-9]*") if word in read_environment(entry).split(b"\0")
        )
        return {pid for pid in self.seen - {self.process.pid} if is_alive(pid)}


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    port = free_port()
    command = [sys.executable, "-m", "jobline.cli", "dev", "--port", str(port), "--concurrency", "1"]
    settings = {"JOBLINE_DATA_DIR": str(tmp_path / "data"), "JOBLINE_STOP_GRACE_S": "1"}
    with (
        subprocess.Popen(
            command, env={**clean_environment(), **settings}, stdout=subprocess.PIPE, text=True, cwd=tmp_path
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as http,
    ):
        lines: queue.Queue[str] = queue.Queue()
        printed: list[str] = []
        reader = threading.Thread(target=read_lines, args=(process, lines, printed))
        reader.start()
        running = Dev(process, tmp_path / "data", http, lines, set())
        try:
            running.wait_for_line("ready in")
            yield running
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_S)
            reader.join()
            sys.stdout.writelines(printed)  # pytest shows it when the test fails


def read_lines(process: subprocess.Popen[str], lines: queue.Queue[str], printed: list[str]) -> None:
    for line in process.stdout or ():
        printed.append(line)
        lines.put(line)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in environment().items() if not name.startswith("JOBLINE_")}


def run_job(dev: Dev) -> str:
    """Count down one second; return the state at the end."""
    order = {"input": {"seconds": 1}}
    job = dev.http.post("/v1/tasks/demo.countdown/jobs", json=order).raise_for_status().json()

    def has_ended() -> bool:
        answer = dev.http.get(f"/v1/jobs/{job['id']}").json()
        job.update(answer)
        return job["state"] in {"SUCCESS", "FAILURE", "REVOKED"}

    wait_until(has_ended, what="the job's end")
    return str(job["state"])


def test_first_job_runs_and_a_stop_leaves_nothing_behind(dev: Dev) -> None:
    assert run_job(dev) == "SUCCESS"
    assert len(dev.alive()) >= 4  # the worker has a child of its own
    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(DEADLINE_S) == 0
    assert dev.alive() == set()
    assert not (dev.data_dir / "supervisor.json").exists()


@pytest.mark.slow
def test_command_in_the_same_folder_finds_the_service(dev: Dev) -> None:
    """A key made beside a running service opens it, whichever ports it has got."""

    def found() -> dict[str, str]:
        return find_running({"JOBLINE_DATA_DIR": str(dev.data_dir)})

    wait_until(found, what="the service is announced")
    assert found()["JOBLINE_URL"] == str(dev.http.base_url).rstrip("/")
    made = subprocess.run(
        [*JOBLINE, "keys", "create", "--tenant", "me"],
        env=clean_environment(),
        cwd=dev.data_dir.parent,  # the data directory is `data` there
        capture_output=True,
        text=True,
        check=True,
    )
    with redis.Redis.from_url(found()["JOBLINE_REDIS_URL"]) as client:
        key_id = made.stdout.split("_")[1].encode()
        assert any(key_id in key for key in client.scan_iter())


def test_killed_worker_api_and_redis_come_back_and_serve(dev: Dev) -> None:
    for name in ("worker", "api", "redis"):
        os.kill(dev.pid(name), signal.SIGKILL)
        dev.wait_for_line(f"{name} ended unexpectedly (killed by SIGKILL)")
    wait_until(lambda: is_ready(dev), what="readiness")
    assert run_job(dev) == "SUCCESS"


def is_ready(dev: Dev) -> bool:
    try:
        return dev.http.get("/health/ready").is_success
    except httpx.HTTPError:
        return False


def test_everything_dies_with_a_killed_dev(dev: Dev) -> None:
    assert len(dev.alive()) >= 4
    dev.process.kill()
    dev.process.wait(DEADLINE_S)
    wait_until(lambda: not dev.alive(), what="the death of all")


def test_second_dev_on_the_same_data_is_refused_in_one_line(dev: Dev, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "jobline.cli", "dev", "--port", str(free_port())],
        env={**clean_environment(), "JOBLINE_DATA_DIR": str(dev.data_dir)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert answer.returncode == 1
    assert f"in use by another process (pid {dev.process.pid})" in answer.stderr
    assert run_job(dev) == "SUCCESS"
