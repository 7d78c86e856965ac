"""A deployment for the fault suite: its parts are killed and frozen, its jobs counted by the evidence."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import httpx
import redis

from jobline.ledger.keys import Key
from tests.support.deployment import FINAL, Deployment, Json
from tests.support.faults.audit import find_faults
from tests.support.faults.evidence import Evidence
from tests.support.faults.proxy import Proxy
from tests.support.faults.report import Row
from tests.support.faults.scale import LEASE_S, STOP_GRACE_S
from tests.support.processes import JOBLINE, PYTHON_PATH, Program
from tests.support.waiting import LOOK_S, wait_until

SLOTS = 2
#: Seconds until every silent connection has been noticed.
MUTE_S = 10.0
#: Seconds until jobs that no client waits for have ended, such as those stored but answered with a 503.
QUIET_S = 30.0
#: The PYTHONPATH of a worker whose clock is ten minutes ahead: Python loads ``sitecustomize`` from it.
CLOCK_AHEAD = os.pathsep.join((str(Path(__file__).parent / "clock_ahead"), PYTHON_PATH))
TASKS = "tests.support.tasks.faults"


class Rig(Deployment):
    """One Redis, one API and, as a rule, two workers with two slots each."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.evidence = Evidence(directory / "evidence")
        self.workers: list[Program] = []
        self.api: Program | None = None
        mine = {
            "JOBLINE_TASKS": TASKS,
            "JOBLINE_LEASE_S": f"{LEASE_S:g}",
            "JOBLINE_CANCEL_GRACE_S": "2",
            "JOBLINE_STOP_GRACE_S": f"{STOP_GRACE_S:g}",
            "FAULTS_EVIDENCE": str(self.evidence.path),
        }
        super().__init__(directory, **mine, **settings)

    def __enter__(self) -> Self:
        try:
            self.make_whole()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # parts

    def make_whole(self) -> None:
        """Start whatever is missing of Redis, the API and two workers."""
        self.redis.start()
        self.ensure_workers(2, wait=False)
        if self.api is None or not self.api.is_alive:
            self.api = self.start_api()
        self.wait_for_workers()

    def worker_command(self, name: str, slots: int) -> list[str]:
        """Return the command of a worker as an operator runs it."""
        return [*JOBLINE, "worker", "-c", str(slots), "--name", name]

    def add_worker(self, *, wait: bool = True, **environment: str) -> Program:
        """Start another worker."""
        worker = self.start_worker(slots=SLOTS, **environment)
        self.workers.append(worker)
        if wait:
            self.wait_for_workers()
        return worker

    def wait_for_workers(self) -> None:
        """Wait until every started worker accepts jobs."""
        self.wait_ready(*self.workers)

    def ensure_workers(self, count: int, *, wait: bool = True) -> list[Program]:
        """Start or kill workers until ``count`` are alive."""
        for worker in [one for one in self.workers if not one.is_alive]:
            self.kill_worker(worker)
        while len(self.workers) > count:
            self.kill_worker(self.workers[-1])
        while len(self.workers) < count:
            self.add_worker(wait=False)
        if wait:
            self.wait_for_workers()
        return list(self.workers)

    def worker_of(self, job: str) -> Program:
        """Return the worker that started a job last."""
        pid = self.evidence.starts(job)[-1].pid
        return next(one for one in self.workers if pid in one.children())

    def kill_worker(self, worker: Program) -> None:
        """Kill -9 a whole worker."""
        worker.kill()
        self.workers.remove(worker)

    def kill_api(self) -> None:
        """Kill -9 the API."""
        if self.api is not None:
            self.api.kill()
            self.api = None

    def restart_api(self) -> None:
        """Start the API after a kill."""
        self.api = self.start_api()

    @contextlib.contextmanager
    def frozen_redis(self) -> Iterator[None]:
        """Freeze Redis while the block runs."""
        os.kill(self.redis.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.redis.pid, signal.SIGCONT)

    def raw(self) -> redis.Redis:
        """Return a plain client of the rig's Redis."""
        return redis.Redis.from_url(self.redis.url, decode_responses=True)

    def drop_connections(self) -> None:
        """Let Redis close every connection except this one."""
        with self.raw() as ledger:
            for kind in ("normal", "pubsub"):
                ledger.client_kill_filter(_type=kind, skipme=True)

    # jobs

    def try_submit(self) -> str | None:
        """Submit a short job once; return its id, or None when the API answers 503."""
        answer = self.client.post("/v1/tasks/faults.work/jobs", json={"input": {}})
        assert answer.status_code in {202, 503}, answer.text
        return str(answer.json()["id"]) if answer.status_code == 202 else None

    def end_of_new_job(self, within_s: float) -> float:
        """Submit until a job is accepted, wait for its end, and return the seconds that both took."""
        start = time.monotonic()
        job: str | None = None

        def is_taken() -> bool:
            nonlocal job
            job = self.try_submit()
            return job is not None

        taken_s = wait_until(is_taken, within_s, "a new job is accepted")
        self.wait_final([str(job)], max(0.1, within_s - taken_s))
        return time.monotonic() - start

    def known_jobs(self) -> set[str]:
        """Return the ids of all jobs that have a record."""
        with self.raw() as ledger:
            return {key.removeprefix(Key.JOB.of("")) for key in ledger.scan_iter(Key.JOB.of("*"), count=1000)}

    def ask(self, path: str) -> httpx.Response:
        """GET a path, with retries after a 503: a silent connection of the API costs one answer."""
        give_up = time.monotonic() + MUTE_S
        while (answer := self.client.get(path)).status_code == 503 and time.monotonic() < give_up:
            time.sleep(LOOK_S)
        assert answer.status_code == 200, answer.text
        return answer

    def read(self, job_id: str) -> Json:
        """Return one job."""
        job: Json = self.ask(f"/v1/jobs/{job_id}").json()
        return job

    def stream(self, job: str) -> list[str]:
        """Return the event types in the stream of a finished job."""
        lines = self.ask(f"/v1/jobs/{job}/events").text.splitlines()
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    def states(self, jobs: Iterable[str]) -> Counter[str]:
        """Count jobs by the state in their records."""
        return Counter(self._read_states(list(jobs)).values())

    def wait_final(self, jobs: Iterable[str], within_s: float) -> float:
        """Wait until all jobs are final; return the seconds that it took."""
        ids = list(jobs)
        left = ids

        def are_final() -> bool:
            nonlocal left
            left = [job for job, state in self._read_states(left).items() if state not in FINAL]
            return not left

        try:
            return wait_until(are_final, within_s, "every job is final")
        except AssertionError:
            raise AssertionError(f"not final within {within_s:g} s: {self.states(ids)}") from None

    def wait_started(self, job: str, within_s: float, count: int = 1) -> float:
        """Wait until a job has recorded ``count`` starts."""
        try:
            return wait_until(lambda: len(self.evidence.starts(job)) >= count, within_s, f"start {count}")
        except AssertionError as error:
            raise AssertionError(f"{error} of {self.read(job)}") from None

    def _read_states(self, jobs: list[str]) -> dict[str, str]:
        with self.raw() as ledger:
            pipe = ledger.pipeline(transaction=False)
            for job in jobs:
                pipe.hget(Key.JOB.of(job), "state")
            return {job: state or "missing" for job, state in zip(jobs, pipe.execute(), strict=True)}

    # verdicts

    def audit(self) -> list[str]:
        """Wait until no job waits or runs, then return everything that is wrong in the ledger."""
        with self.raw() as ledger:
            wait_until(lambda: is_quiet(ledger), QUIET_S, "no job waits or runs")
            return find_faults(ledger)

    def conclude(self, row: Row, jobs: Iterable[str], within_s: float, planned: int = 1) -> float:
        """Wait for the end of a row's jobs, and record the outcome, above all jobs that never end."""
        ids = list(jobs)
        row.jobs += len(ids)
        try:
            return self.wait_final(ids, within_s)
        finally:
            row.lost += sum(count for state, count in self.states(ids).items() if state not in FINAL)
            row.extra_starts += self.extra_starts(ids, planned)

    def count_starts(self, jobs: Iterable[str]) -> Counter[str]:
        """Count the starts of each job."""
        notes = self.evidence.notes("start")
        return Counter({job: len(notes.get(job, ())) for job in jobs})

    def extra_starts(self, jobs: Iterable[str], planned: int = 1) -> int:
        """Count the starts beyond ``planned`` for each job."""
        return sum(max(0, count - planned) for count in self.count_starts(jobs).values())


def is_quiet(ledger: redis.Redis) -> bool:
    """Return whether every job is final."""
    return not ledger.zcard(Key.LEASES.of()) and not any(map(int, ledger.hvals(Key.QUEUES.of())))


class ProxiedRig(Rig):
    """A rig whose API and workers reach Redis only through a proxy."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.redis.start()
        self.proxy = Proxy(self.redis.port)
        self.settings["JOBLINE_REDIS_URL"] = self.proxy.url

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        return super().__enter__()

    def close(self) -> None:
        """Close the network too."""
        super().close()
        self.proxy.__exit__(None, None, None)
