"""The real service on one machine: Redis, API and workers as processes, driven by HTTP, Celery and signals.

Every process leads a session of its own, so that a signal to its group reaches it and its children alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from service.embedded import EmbeddedRedis, free_port

T = TypeVar("T")
Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
TASKS = "tests.acceptance.tasks_for_tests"
LEASE_S = 5.0
LOOK_S = 0.02
DEADLINE_S = 30.0
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


def wait_for(look: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
    """Look until there is something to see, and give it. Raises AssertionError after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(LOOK_S)
    return seen


class Program:
    """Run one process in a session of its own, with its output in a file."""

    def __init__(
        self, name: str, command: list[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Claim that the leader lives."""
        return self._process.poll() is None

    def told(self) -> str:
        """Give what it wrote so far."""
        return self.log.read_text(errors="replace")

    def tell(self, number: signal.Signals) -> None:
        """Signal the leader alone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the whole group as a crash of the machine would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, within_s: float = DEADLINE_S) -> int:
        """Wait for the leader's end; give its status."""
        return self._process.wait(within_s)


@dataclass(frozen=True)
class Gate:
    """Hold the path that a held task waits for; beside it the task notes each of its starts."""

    path: Path

    @property
    def order(self) -> Json:
        """Give the input of a task that shall wait here."""
        return {"path": str(self.path)}

    def starts(self) -> list[str]:
        """List the starts so far, as ``<attempt> <pid>``."""
        notes = self.path.with_suffix(".starts")
        return notes.read_text().splitlines() if notes.exists() else []

    def wait_for_start(self, count: int = 1, within_s: float = DEADLINE_S) -> None:
        """Return when a task has begun so often."""
        wait_for(lambda: len(self.starts()) >= count, f"start {count} at {self.path.name}", within_s)

    def open(self) -> None:
        """Let every task pass."""
        self.path.touch()


class House:
    """Hold one Redis, one API and one worker for all queues; more of each on demand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.redis = EmbeddedRedis(directory / "redis")
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)
        self.programs: list[Program] = []
        self._count = 0

    # processes

    def environment(self, **more: str) -> dict[str, str]:
        """Give the environment of every process: nothing of ours but what is said here."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "JOBLINE_REDIS_URL": self.redis.url,
            "JOBLINE_TASKS": TASKS,
            "JOBLINE_DATA_DIR": str(self.directory / "data"),
            "JOBLINE_LEASE_S": f"{LEASE_S:g}",
            "JOBLINE_CANCEL_GRACE_S": "1",
            "JOBLINE_TRACEBACKS": "true",
            **more,
        }

    def start(self, kind: str, command: list[str], **environment: str) -> Program:
        """Start one more process."""
        self._count += 1
        program = Program(
            f"{self._count:02}-{kind}", command, self.directory, self.environment(**environment)
        )
        self.programs.append(program)
        return program

    def start_api(self, port: int) -> Program:
        """Start an API, and return when it answers."""
        program = self.start("api", [sys.executable, "-m", "service.cli", "api", "--port", str(port)])

        def answers() -> bool:
            assert program.is_alive, program.told()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success
            except httpx.TransportError:
                return False

        wait_for(answers, "the API answers")
        return program

    def start_worker(self, *options: str, slots: int = 2, **environment: str) -> Program:
        """Start a stock Celery worker."""
        name = f"worker-{self._count + 1:02}"
        return self.start(
            "worker",
            celery(
                "worker", "-n", f"{name}@test", "-c", str(slots), "-O", "fair", "-E", "-l", "INFO", *options
            ),
            **environment,
        )

    def wait_ready(self, worker: Program) -> Program:
        """Return when the worker takes jobs."""

        def is_ready() -> bool:
            assert worker.is_alive, worker.told()
            return " ready." in worker.told()

        wait_for(is_ready, f"{worker.name} is ready")
        return worker

    @contextmanager
    def worker(self, *options: str, slots: int = 2, **environment: str) -> Iterator[Program]:
        """Run a worker of a test's own, without the words to its neighbours, which cost a second."""
        options = ("--without-mingle", "--without-gossip", *options)
        program = self.start_worker(*options, slots=slots, **environment)
        try:
            yield self.wait_ready(program)
        finally:
            program.kill()

    def close(self) -> None:
        """End everything that was started here."""
        self.client.close()
        for program in reversed(self.programs):
            program.kill()
        self.redis.stop()

    # requests

    def submit(self, task: str, order: Json, **options: Any) -> str:
        """Submit one job; give its id."""
        answer = self.client.post(f"/v1/tasks/{task}/jobs", json={"input": order, **options})
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
            wait_for(look, f"job {job_id} in {sorted(wanted)}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None
        return seen

    def cancel(self, job_id: str) -> int:
        """Cancel one job; give the answer's status."""
        return self.client.post(f"/v1/jobs/{job_id}/cancel").status_code


def celery(*words: str) -> list[str]:
    """Write a stock Celery command."""
    return [sys.executable, "-m", "celery", "-A", "worker.main", *words]
