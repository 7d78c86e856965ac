"""Rows 1, 2, 4, 5 and 9 with stock workers on the stock Redis transport: measured, not judged."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.faults.evidence import Evidence
from tests.support.faults.report import NewRow, Row
from tests.support.faults.scale import IS_FULL, hold
from tests.support.processes import Program
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not IS_FULL, reason="a comparison, for `make faults`")
#: Time until a missing job counts as lost: six visibility timeouts.
GIVE_UP_S = 60.0


class Stock(Deployment):
    """One Redis and any number of stock workers."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.evidence = Evidence(directory / "evidence")
        self.workers: list[Program] = []

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a worker or a client."""
        stock = {"STOCK_URL": self.redis.url, "FAULTS_EVIDENCE": str(self.evidence.path)}
        return super().environment(**stock, **more)

    def worker_command(self, name: str, slots: int) -> list[str]:
        """Return the command of a worker of the stock application."""
        return [
            *(sys.executable, "-m", "celery", "-A", "tests.support.faults.stock_app", "worker"),
            *("--without-mingle", "--without-gossip", "-c", str(slots), "-n", f"{name}@%h", "-l", "info"),
        ]

    def add_worker(self) -> Program:
        """Start another worker with two slots."""
        worker = self.start_worker()
        self.workers.append(worker)
        self.wait_ready(worker)
        return worker

    def send(self, seconds: float, after: Callable[[], None] | None = None) -> str:
        """Send one task, as a client process of its own would; at once when ``after`` has happened.

        An idle worker's request for a message stands for a second: a slower client would miss it.
        """
        job, go = secrets.token_hex(8), self.directory / secrets.token_hex(8)
        code = (
            "import pathlib, time; from tests.support.faults.stock_app import app; "
            "app.connection_for_write().ensure_connection(); print('set', flush=True)\n"
            f"while not pathlib.Path('{go}').exists(): time.sleep(0.005)\n"
            f"app.send_task('stock.work', args=[{seconds}], task_id='{job}')"
        )
        client = self.start("client", [sys.executable, "-c", code])
        wait_until(lambda: "set" in client.output(), 20, "the client is set")
        if after:
            after()
        go.touch()
        assert client.ends_within(20)
        return job

    def kill(self, worker: Program) -> None:
        """Kill -9 a whole worker."""
        worker.kill()
        self.workers.remove(worker)

    def starter_of(self, job: str) -> Program:
        """Return the worker that runs a job."""
        pid = self.evidence.starts(job)[-1].pid
        return next(one for one in self.workers if pid in one.children())

    def conclude(self, row: Row, jobs: list[str], since: float) -> None:
        """Wait until every job has ended once, or for the time limit, and count."""
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up and not all(self.evidence.ends(job) for job in jobs):
            hold(0.1)
        hold(15)  # a second delivery comes after the visibility timeout of 10 s
        ends = [self.evidence.ends(job) for job in jobs]
        row.jobs += len(jobs)
        row.lost += sum(not one for one in ends)
        row.extra_starts += sum(max(0, len(self.evidence.starts(job)) - 1) for job in jobs)
        if all(ends):
            row.recovered_s.append(max(one[0].at for one in ends) - since)


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[Stock]:
    found = Stock(tmp_path)
    found.redis.start()
    try:
        found.add_worker()
        found.add_worker()
        yield found
    finally:
        found.close()


def test_stock_worker_killed(stock: Stock, new_row: NewRow) -> None:
    row = new_row("2", "kill -9 of the whole worker mid-job", is_stock=True)
    job = stock.send(3)
    wait_until(lambda: stock.evidence.starts(job), 10, "the job runs")
    stock.kill(stock.starter_of(job))
    since = time.monotonic()
    stock.add_worker()
    stock.conclude(row, [job], since)


def test_stock_idle_worker_stopped(stock: Stock, new_row: NewRow) -> None:
    row = new_row("4", "idle worker stopped, POST, kill -9, start another", is_stock=True)
    stock.kill(stock.workers[0])
    jobs = []
    since = time.monotonic()
    for _ in range(4):
        (frozen,) = stock.workers
        jobs.append(stock.send(0.1, after=partial(frozen.signal_tree, signal.SIGSTOP)))
        stock.kill(frozen)
        stock.add_worker()
    stock.conclude(row, jobs, since)


@pytest.mark.parametrize("outage_s", [5, 15])
def test_stock_redis_killed(stock: Stock, new_row: NewRow, outage_s: float) -> None:
    row = new_row(f"5 ({outage_s} s)", f"kill -9 Redis for {outage_s} s (AOF)", is_stock=True)
    jobs = [stock.send(seconds) for seconds in (4, 4, outage_s + 6, outage_s + 6)]
    wait_until(lambda: all(stock.evidence.starts(job) for job in jobs), 10, "the jobs run")
    stock.redis.kill()
    hold(outage_s)
    stock.redis.start()
    since = time.monotonic()
    stock.conclude(row, jobs, since)
    row.note = f"{sum(not one.is_alive for one in stock.workers)} of 2 workers died"


def test_stock_worker_frozen(stock: Stock, new_row: NewRow) -> None:
    row = new_row("9", "worker tree stopped for 16 s, then continued", is_stock=True)
    job = stock.send(3)
    wait_until(lambda: stock.evidence.starts(job), 10, "the job runs")
    frozen = stock.starter_of(job)
    frozen.signal_tree(signal.SIGSTOP)
    since = time.monotonic()
    hold(16)
    frozen.signal_tree(signal.SIGCONT)
    stock.conclude(row, [job], since)


def test_stock_job_longer_than_visibility(stock: Stock, new_row: NewRow) -> None:
    row = new_row("1", "none, a 60 s job, visibility 10 s", is_stock=True)
    job = stock.send(60)
    wait_until(lambda: stock.evidence.starts(job), 10, "the job runs")
    since = time.monotonic()
    stock.conclude(row, [job], since)
    row.recovered_s = []
