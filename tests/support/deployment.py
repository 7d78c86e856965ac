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
from tests.support.processes import JOBLINE, PYTHON_PATH, Program
from tests.support.waiting import DEADLINE_S, wait_until

Json = dict[str, Any]
TASKS = ("jobline.tasks", "tests.support.tasks.acceptance")
LEASE_S = 5.0
CLIENT_TIMEOUT_S = 10.0
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class Deployment:
    """Hold one Redis, one API and some workers; nothing is started before it is asked for.

    ``settings`` are variables of every process.
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
        """Give the environment of every process: nothing of ours but what is said here."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": PYTHON_PATH,
            "JOBLINE_REDIS_URL": self.redis.url,
            "JOBLINE_TASKS": ",".join(TASKS),
            "JOBLINE_DATA_DIR": str(self.directory / "data"),
            "JOBLINE_LEASE_S": f"{LEASE_S:g}",
            "JOBLINE_CANCEL_GRACE_S": "1",
            "JOBLINE_TRACEBACKS": "true",
            **self.settings,
            **more,
        }

    def start(self, kind: str, command: list[str], **environment: str) -> Program:
        """Start one more process."""
        name = self._next_name(kind)
        program = Program(name, command, self.directory, self.environment(**environment))
        self.programs.append(program)
        return program

    def start_api(self, port: int | None = None) -> Program:
        """Start an API, on the deployment's own port unless told another, and return when it answers."""
        port = port or self.port
        api = self.start("api", [*JOBLINE, "api", "--port", str(port)])

        def answers() -> bool:
            assert api.is_alive, api.told()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success
            except httpx.TransportError:
                return False

        wait_until(answers, DEADLINE_S, "the API answers")
        return api

    def start_worker(self, *options: str, slots: int = 2, **environment: str) -> Program:
        """Start a worker, named as its process is; see ``wait_ready``."""
        command = self.worker_command(self._next_name("worker"), slots)
        return self.start("worker", [*command, *options], **environment)

    def worker_command(self, name: str, slots: int) -> list[str]:
        """Write the command of a worker: here a stock Celery one."""
        return celery("worker", "-n", f"{name}@test", "-c", str(slots), "-O", "fair", "-E", "-l", "INFO")

    def wait_ready(self, *workers: Program) -> None:
        """Return when these workers take jobs."""

        def are_ready() -> bool:
            for worker in workers:
                assert worker.is_alive, worker.told()
            return all(" ready." in worker.told() for worker in workers)

        wait_until(are_ready, DEADLINE_S, f"{[worker.name for worker in workers]} are ready")

    @contextmanager
    def worker(self, *options: str, slots: int = 2, **environment: str) -> Iterator[Program]:
        """Run a worker of a test's own, without the words to its neighbours, which cost a second."""
        options = ("--without-mingle", "--without-gossip", *options)
        program = self.start_worker(*options, slots=slots, **environment)
        try:
            self.wait_ready(program)
            yield program
        finally:
            program.kill()

    def close(self) -> None:
        """End everything that was started here; the logs stay, the data of Redis does not."""
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
        """Give a client of a thread's own."""
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, timeout=CLIENT_TIMEOUT_S, trust_env=False)

    def submit(self, task: str, order: Json | None = None, **options: Any) -> str:
        """Submit one job; give its id. Raises AssertionError when it is not accepted."""
        answer = self.client.post(f"/v1/tasks/{task}/jobs", json={"input": order or {}, **options})
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    def read(self, job_id: str) -> Json:
        """Read one job."""
        answer = self.client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: Json = answer.json()
        return job

    def wait(self, job_id: str, *states: str, within_s: float = DEADLINE_S) -> Json:
        """Wait until the job is in one of these states (none named: until it ended)."""
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
        """Cancel one job; give the answer's status."""
        return self.client.post(f"/v1/jobs/{job_id}/cancel").status_code


def celery(*words: str) -> list[str]:
    """Write a stock Celery command."""
    return [sys.executable, "-m", "celery", "-A", "jobline.worker.main", *words]
