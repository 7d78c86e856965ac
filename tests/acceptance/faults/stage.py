"""The real service on one machine: Redis, API and workers as processes, driven by HTTP and signals.

Every process leads a session of its own, so that a signal to its group reaches it and its children alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import redis

from service.embedded import EmbeddedRedis, free_port, tethered
from tests.acceptance.faults.table import Row

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
TASKS = "tests.acceptance.faults.tasks_for_faults"
IS_FULL = os.environ.get("FAULTS") == "full"
#: Seconds. The issue's own lease in the full form; a shorter one keeps `make test` short.
LEASE_S = 10.0 if IS_FULL else 4.0
#: Invariant 3: a job whose worker died is started again within so long.
TAKEOVER_S = LEASE_S + 5.0
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
LOOK_S = 0.05

Json = dict[str, Any]


def pick(full: Any, short: Any) -> Any:
    """Choose a fault's size by the form of the suite."""
    return full if IS_FULL else short


def wait_until(claim: Callable[[], object], within_s: float, what: str) -> float:
    """Wait for a condition; say how long it took. Raises AssertionError after ``within_s``."""
    start = time.monotonic()
    while not claim():
        if time.monotonic() - start > within_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
        time.sleep(LOOK_S)
    return time.monotonic() - start


def hold(seconds: float) -> None:
    """Let a fault last; never to wait for an effect."""
    time.sleep(seconds)


class Program:
    """Run one process in a session of its own, with its output in a file."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered(command),  # so that nothing outlives a test run that is killed
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Claim that the process lives (a stopped one does)."""
        return self._process.poll() is None

    def children(self) -> list[int]:
        """List the pids of its living children, oldest first."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def tell(self, number: signal.Signals) -> None:
        """Signal the leader alone."""
        self._process.send_signal(number)

    def tell_tree(self, number: signal.Signals) -> None:
        """Signal the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End the whole tree as a crash of the machine would."""
        self.tell_tree(signal.SIGKILL)
        self._process.wait()

    def ends_within(self, seconds: float) -> bool:
        """Claim that the process ended in time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def rss_kb(self) -> int:
        """Read how much memory the leader holds."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} has no memory any more")


@dataclass(frozen=True)
class Note:
    """Hold one line of the evidence."""

    word: str
    job: str
    attempt: int
    at: float
    pid: int


class Evidence:
    """Read what the tasks wrote beside Redis."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def notes(self, word: str) -> dict[str, list[Note]]:
        """Give all starts, or all ends, by job."""
        found: dict[str, list[Note]] = defaultdict(list)
        for line in self.path.read_text().splitlines():
            kind, job, attempt, at, pid = line.split()
            if kind == word:
                found[job].append(Note(kind, job, int(attempt), float(at), int(pid)))
        return found

    def starts(self, job: str) -> list[Note]:
        """Give the starts of one job."""
        return self.notes("start").get(job, [])

    def ends(self, job: str) -> list[Note]:
        """Give the ends of one job."""
        return self.notes("end").get(job, [])


class Stage:
    """Hold one Redis, one API and some workers, and speak to them as a client would."""

    def __init__(self, lease_s: float = LEASE_S, **settings: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="jobline-faults-"))
        self.evidence = Evidence(self.directory / "evidence")
        self.redis = EmbeddedRedis(self.directory / "redis")
        self.port = free_port()
        self.lease_s = lease_s
        self.settings = settings
        self.workers: list[Program] = []
        self.api: Program | None = None
        self._count = 0
        self.client = self.new_client()

    # processes

    def __enter__(self) -> Self:
        try:
            self.redis.start()
            self.start_api(wait=False)
            self.ensure_workers(2)
            self.wait_for_api()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of this stage, and remove its data."""
        self.client.close()
        for worker in self.workers:
            worker.kill()
        if self.api is not None:
            self.api.kill()
        with contextlib.suppress(ProcessLookupError, Exception):
            os.kill(self.redis.pid, signal.SIGCONT)
        self.redis.kill()
        self.redis.stop()
        if not os.environ.get("FAULTS_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self, redis_url: str = "", **more: str) -> dict[str, str]:
        """Give the environment of an API or a worker."""
        mine = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
            "JOBLINE_REDIS_URL": redis_url or self.redis.url,
            "JOBLINE_TASKS": TASKS,
            "JOBLINE_DATA_DIR": str(self.directory / "data"),
            "JOBLINE_LEASE_S": f"{self.lease_s:g}",
            "FAULTS_EVIDENCE": str(self.evidence.path),
            **self.settings,
        }
        if ahead := more.pop("first_on_path", ""):
            mine["PYTHONPATH"] = os.pathsep.join((ahead, mine["PYTHONPATH"]))
        return {**mine, **more}

    def start_api(self, *, wait: bool = True, redis_url: str = "") -> None:
        """Start the API on the stage's port."""
        self.api = Program(
            "api",
            [sys.executable, "-m", "service.cli", "api", "--port", str(self.port)],
            self.directory / "api.log",
            self.environment(redis_url),
        )
        if wait:
            self.wait_for_api()

    def wait_for_api(self) -> None:
        """Return when the API answers."""

        def answers() -> bool:
            try:
                return self.client.get("/health/live").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, 20, "the API answers")

    def start_worker(
        self, *, slots: int = 2, wait: bool = True, redis_url: str = "", **environment: str
    ) -> Program:
        """Start one worker; return when it takes jobs."""
        self._count += 1
        name = f"worker-{self._count}"
        worker = Program(
            name,
            [sys.executable, "-m", "service.cli", "worker", "-c", str(slots), "--name", name],
            self.directory / f"{name}.log",
            self.environment(redis_url, **environment),
        )
        self.workers.append(worker)
        if wait:
            self.wait_for_workers()
        return worker

    def wait_for_workers(self) -> None:
        """Return when every worker that was started takes jobs."""
        wait_until(
            lambda: all(" ready." in one.log.read_text(errors="replace") for one in self.workers),
            30,
            f"workers are ready, see {[str(one.log) for one in self.workers]}",
        )

    def ensure_workers(self, count: int) -> list[Program]:
        """Have exactly so many living workers."""
        for worker in [one for one in self.workers if not one.is_alive]:
            worker.kill()
            self.workers.remove(worker)
        while len(self.workers) > count:
            self.kill_worker(self.workers[-1])
        while len(self.workers) < count:
            self.start_worker(wait=False)
        self.wait_for_workers()
        return list(self.workers)

    def kill_worker(self, worker: Program) -> None:
        """Kill -9 a whole worker."""
        worker.kill()
        self.workers.remove(worker)

    def kill_api(self) -> None:
        """Kill -9 the API."""
        if self.api is not None:
            self.api.kill()
            self.api = None

    @contextlib.contextmanager
    def frozen_redis(self) -> Any:
        """Stop Redis in its tracks while the block runs."""
        os.kill(self.redis.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.redis.pid, signal.SIGCONT)

    def raw(self) -> redis.Redis:
        """Give a plain client of the stage's Redis."""
        return redis.Redis.from_url(self.redis.url, decode_responses=True)

    # requests

    def new_client(self, timeout_s: float = 10.0) -> httpx.Client:
        """Give a client of a thread's own."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=timeout_s, trust_env=False)

    def post(self, task: str, order: Json | None = None, **options: Any) -> str:
        """Submit one job; answer its id. Raises when it is not accepted."""
        response = self.client.post(f"/v1/tasks/{task}/jobs", json={"input": order or {}, **options})
        assert response.status_code == 202, response.text
        found: str = response.json()["id"]
        return found

    def read(self, job: str) -> Json:
        """Read one job."""
        response = self.client.get(f"/v1/jobs/{job}")
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    def cancel(self, job: str) -> httpx.Response:
        """Cancel one job."""
        return self.client.post(f"/v1/jobs/{job}/cancel")

    def states(self, jobs: Iterable[str]) -> Counter[str]:
        """Count jobs by state, told by the ledger's records."""
        with self.raw() as ledger:
            pipe = ledger.pipeline(transaction=False)
            for job in jobs:
                pipe.hget(f"jl:job:{job}", "state")
            return Counter(state or "missing" for state in pipe.execute())

    def unfinished(self, jobs: Iterable[str]) -> int:
        """Count the jobs that are not final."""
        return sum(count for state, count in self.states(jobs).items() if state not in FINAL)

    def wait_final(self, jobs: Iterable[str], within_s: float) -> float:
        """Wait for the end of jobs."""
        ids = list(jobs)
        try:
            return wait_until(lambda: not self.unfinished(ids), within_s, "every job is final")
        except AssertionError:
            raise AssertionError(f"not final within {within_s:g} s: {self.states(ids)}") from None

    def wait_started(self, job: str, within_s: float, count: int = 1) -> float:
        """Wait for a job's own word that it began so often."""
        return wait_until(
            lambda: len(self.evidence.starts(job)) >= count,
            within_s,
            f"start {count} of {job}: {self.read(job)}",
        )

    # verdicts

    def conclude(self, row: Row, jobs: Iterable[str], within_s: float, planned: int = 1) -> float:
        """Wait for the end of a row's jobs, and note what became of them, above all those that never end."""
        ids = list(jobs)
        row.jobs = len(ids)
        try:
            return self.wait_final(ids, within_s)
        finally:
            row.lost = self.unfinished(ids)
            row.extra_starts = self.extra_starts(ids, planned)

    def count_starts(self, jobs: Iterable[str]) -> Counter[str]:
        """Count the starts of each job."""
        notes = self.evidence.notes("start")
        return Counter({job: len(notes.get(job, ())) for job in jobs})

    def extra_starts(self, jobs: Iterable[str], planned: int = 1) -> int:
        """Count the starts beyond ``planned`` a job."""
        return sum(max(0, count - planned) for count in self.count_starts(jobs).values())
