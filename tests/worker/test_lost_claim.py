"""The connection to Redis breaks while jobs are on their way into a real worker."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobline.domain.state import State
from jobline.ledger import commands
from tests.support.gate import Gate
from tests.support.ledger import Ledger
from tests.support.lossy_proxy import LossyProxy
from tests.support.processes import ROOT, Program
from tests.support.waiting import wait_until

#: Bytes that only the reply of a claim contains.
CLAIMED = b"public:end.well:media"
#: Seconds, far less than the lease, so that its end cannot explain what happens.
SOON_S = 5.0


@pytest.fixture
def lossy_proxy(redis_url: str) -> Iterator[LossyProxy]:
    with LossyProxy(redis_url) as made:
        yield made


@contextmanager
def worker(directory: Path, url: str, pool: str, lease_s: float = 30) -> Iterator[Program]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        "JOBLINE_REDIS_URL": url,
        "JOBLINE_TASKS": "tests.support.tasks.endings,tests.support.tasks.acceptance",
        "JOBLINE_DATA_DIR": str(directory / "data"),
        "JOBLINE_LEASE_S": f"{lease_s:g}",
    }
    command = [sys.executable, "-m", "jobline.cli", "worker", "--pool", pool, "-c", "2"]
    program = Program("worker", command, directory, environment)
    try:
        wait_until(lambda: " ready." in program.output(), 30, "the worker is ready")
        yield program
    finally:
        program.kill()


@pytest.mark.parametrize("pool", ["prefork", "threads", "light"])
def test_job_whose_claim_was_lost_starts_soon_and_loses_no_attempt(
    tmp_path: Path, lossy_proxy: LossyProxy, ledger: Ledger, pool: str
) -> None:
    with worker(tmp_path, lossy_proxy.url, pool) as program:
        lossy_proxy.watch(CLAIMED)
        begin = time.monotonic()
        job = ledger.submit(task="end.well", queue="media", input=b"{}", max_attempts=1)
        wait_until(lambda: ledger.read(job).state.is_terminal, 10, "the job ends")
        assert lossy_proxy.has_dropped.is_set(), program.output()
        record = ledger.read(job)
        assert (record.state, record.attempt) == (State.SUCCESS, 1), program.output()
        assert time.monotonic() - begin < SOON_S
        assert ledger.events(job) == [
            "job.created", "job.started", "job.retrying", "job.started", "job.succeeded",
        ]  # fmt: skip


def test_worker_that_stops_releases_its_unread_claim(
    tmp_path: Path, lossy_proxy: LossyProxy, ledger: Ledger
) -> None:
    with worker(tmp_path, lossy_proxy.url, "threads") as program:
        lossy_proxy.watch(CLAIMED, breaks=False)
        job = ledger.submit(task="end.well", queue="media", input=b"{}", max_attempts=1)
        wait_until(lossy_proxy.has_dropped.is_set, 10, "the claim is lost")
        program.send_signal(signal.SIGTERM)
        program.wait()
        record = ledger.read(job)
        assert (record.state, record.attempt) == (State.PENDING, 0), program.output()


def test_job_that_was_on_its_way_to_a_process_keeps_its_lease(
    tmp_path: Path, redis_url: str, ledger: Ledger
) -> None:
    lease_s, gate = 1, Gate(tmp_path / "gate")
    with worker(tmp_path, redis_url, "prefork", lease_s) as program:
        children = program.children()
        for child in children:
            os.kill(child, signal.SIGSTOP)
        order = json.dumps(gate.order).encode()
        job = ledger.submit(task="test.stubborn", input=order)  # which never renews its lease itself
        wait_until(lambda: busy(ledger) == 1, 10, "the worker has the job")
        ledger.redis.client_kill_filter(_type="normal")
        wait_until(lambda: "Trying to re-establish" in program.output(), 10, "the worker lost its connection")
        for child in children:
            os.kill(child, signal.SIGCONT)
        gate.wait_for_start()
        later = ledger.submit(
            task="test.echo", input=b'{"text":""}', delay_ms=int(4_000 * lease_s), max_attempts=1
        )
        wait_until(lambda: ledger.read(later).state.is_terminal, 20, "several leases have passed")
        assert (ledger.read(job).state, ledger.read(job).attempt) == (State.STARTED, 1), program.output()
        gate.open()
        wait_until(lambda: ledger.read(job).state.is_terminal, 10, "the job ends")
        assert (len(gate.starts()), ledger.read(job).state) == (1, State.SUCCESS)


def busy(ledger: Ledger) -> int:
    """Return how many jobs the worker has, by its heartbeat."""
    return sum(int(json.loads(one.about)["busy"]) for one in ledger.run(commands.clock.workers()))
