"""The real service on one machine: Redis, an API and workers as processes, and a client of theirs.

A deployment knows how each part is started and when it is ready. Tests decide what happens to the parts; the
fault suite's rig extends it with ways to break them.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from jobline.cli.embedded import EmbeddedRedis, free_port
from jobline.worker.entry_points import LIGHT_POOL, THREAD_POOL
from tests.support.processes import JOBLINE, PYTHON_PATH, Program
from tests.support.waiting import DEADLINE_S, wait_until

Json = dict[str, Any]
TASKS = ("jobline.tasks", "tests.support.tasks.acceptance")
#: The queues that tests use for jobs of their own.
QUEUES = (
    "nobody", "no-worker-yet", "lost", "stop", "stop-soft", "stop-twice", "busy-stop",
    "fair", "turns", "narrow", "bounded", "deploy", "light-test.hold", "light-test.hold_async",
    *(f"{use}-{pool}" for use in ("pool", "many") for pool in ("threads", "light", "solo", "prefork")),
    *(
        f"stop-{pool}-{way}"
        for pool in ("prefork", "threads", "light", "solo")
        for way in ("sigterm", "sigint", "sighup", "control")
    ),
)  # fmt: skip
#: The environment of each pool that Celery takes by its import path.
CUSTOM_POOLS = {
    "threads": {"CELERY_CUSTOM_WORKER_POOL": THREAD_POOL},
    "light": {"CELERY_CUSTOM_WORKER_POOL": LIGHT_POOL},
}
LEASE_S = 5.0
CLIENT_TIMEOUT_S = 10.0
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class Deployment:
    """One Redis, one API and any number of workers; each is started on request.

    ``settings`` are environment variables of every process.
    """

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.settings = settings
        self.redis = EmbeddedRedis(directory / "redis")
        self.port = free_port()
        self.client = self.new_client()
        self.programs: list[Program] = []

    # processes

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of every process, without any setting of the tester."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": PYTHON_PATH,
            "JOBLINE_REDIS_URL": self.redis.url,
            "JOBLINE_TASKS": ",".join(TASKS),
            "JOBLINE_QUEUES": ",".join(QUEUES),
            "JOBLINE_DATA_DIR": str(self.directory / "data"),
            "JOBLINE_LEASE_S": f"{LEASE_S:g}",
            "JOBLINE_CANCEL_GRACE_S": "1",
            "JOBLINE_TRACEBACKS": "true",
            **self.settings,
            **more,
        }

    def start(self, kind: str, command: list[str], **environment: str) -> Program:
        """Start another process."""
        name = self._next_name(kind)
        program = Program(name, command, self.directory, self.environment(**environment))
        self.programs.append(program)
        return program

    def start_api(self, port: int | None = None) -> Program:
        """Start an API, by default on the deployment's port, and return when it answers."""
        port = port or self.port
        api = self.start("api", [*JOBLINE, "api", "--port", str(port)])

        def answers() -> bool:
            assert api.is_alive, api.output()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success
            except httpx.TransportError:
                return False

        wait_until(answers, DEADLINE_S, "the API answers")
        return api

    def start_worker(self, *options: str, slots: int = 2, **environment: str) -> Program:
        """Start a worker with the name of its process; it is ready after ``wait_ready``."""
        command = self.worker_command(self._next_name("worker"), slots)
        return self.start("worker", [*command, *options], **environment)

    def worker_command(self, name: str, slots: int) -> list[str]:
        """Return the command of a worker: here that of stock Celery."""
        return celery("worker", "-n", f"{name}@test", "-c", str(slots), "-O", "fair", "-E", "-l", "INFO")

    def wait_ready(self, *workers: Program) -> None:
        """Wait until these workers accept jobs."""

        def are_ready() -> bool:
            for worker in workers:
                assert worker.is_alive, worker.output()
            return all(" ready." in worker.output() for worker in workers)

        wait_until(are_ready, DEADLINE_S, f"{[worker.name for worker in workers]} are ready")

    @contextmanager
    def worker(self, *options: str, slots: int = 2, **environment: str) -> Iterator[Program]:
        """Run a worker for one test, without mingle and gossip, which cost a second."""
        options = ("--without-mingle", "--without-gossip", *options)
        program = self.start_worker(*options, slots=slots, **environment)
        try:
            self.wait_ready(program)
            yield program
        finally:
            program.kill()

    def close(self) -> None:
        """Kill every process that was started here, and delete the data of Redis; the logs stay."""
        self.client.close()
        for program in reversed(self.programs):
            program.kill()
        self.redis.kill()
        self.redis.stop()
        shutil.rmtree(self.redis.directory, ignore_errors=True)

    def _next_name(self, kind: str) -> str:
        return f"{kind}-{len(self.programs) + 1:02}"

    # requests

    def new_client(self) -> httpx.Client:
        """Return a new HTTP client, such as one for each thread."""
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, timeout=CLIENT_TIMEOUT_S, trust_env=False)

    def submit(self, task: str, order: Json | None = None, **options: Any) -> str:
        """Submit one job and return its id. Raises AssertionError when it is refused."""
        answer = self.client.post(f"/v1/tasks/{task}/jobs", json={"input": order or {}, **options})
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    def read(self, job_id: str) -> Json:
        """Return one job."""
        answer = self.client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: Json = answer.json()
        return job

    def wait(self, job_id: str, *states: str, within_s: float = DEADLINE_S) -> Json:
        """Wait until the job is in one of these states, by default a final one, and return it."""
        wanted = states or FINAL
        seen: Json = {}

        def look() -> bool:
            seen.update(self.read(job_id))
            return seen["state"] in wanted

        try:
            wait_until(look, within_s, f"job {job_id} in {sorted(wanted)}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None
        return seen

    def cancel(self, job_id: str) -> int:
        """Cancel one job and return the status of the answer."""
        return self.client.post(f"/v1/jobs/{job_id}/cancel").status_code


def celery(*words: str) -> list[str]:
    """Return a command of stock Celery."""
    return [sys.executable, "-m", "celery", "-A", "jobline.worker.main", *words]
