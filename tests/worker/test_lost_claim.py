"""A claim whose reply never reaches its worker: real workers, and a way to Redis that takes it away."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.state import State
from tests.acceptance.house import ROOT
from tests.acceptance.processes import Program, wait_until
from tests.jobs.conftest import Ledger
from tests.worker.thief import Thief

#: What the reply of a claim has, and no other reply.
CLAIMED = b"public:end.well:media"
#: Seconds; the lease is longer by far, so that nothing here can come from its end.
SOON_S = 5.0


@pytest.fixture
def thief(redis_url: str) -> Iterator[Thief]:
    with Thief(redis_url) as made:
        yield made


@contextmanager
def worker(directory: Path, thief: Thief, pool: str, ledger: Ledger) -> Iterator[Program]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        "JOBLINE_REDIS_URL": thief.url,
        "JOBLINE_TASKS": "tests.worker.tasks_of_tests",
        "JOBLINE_DATA_DIR": str(directory / "data"),
    }
    command = [sys.executable, "-m", "service.cli", "worker", "--pool", pool, "-c", "2"]
    program = Program("worker", command, directory, environment)
    try:
        wait_until(lambda: " ready." in program.told(), 30, "the worker is ready")
        yield program
    finally:
        program.kill()


@pytest.mark.parametrize("pool", ["prefork", "threads", "light"])
def test_job_whose_claim_was_lost_starts_soon_and_loses_no_attempt(
    tmp_path: Path, thief: Thief, ledger: Ledger, pool: str
) -> None:
    with worker(tmp_path, thief, pool, ledger) as program:
        thief.watch(CLAIMED)
        begin = time.monotonic()
        job = ledger.submit(task="end.well", queue="media", input=b"{}", max_attempts=1)
        wait_until(lambda: ledger.read(job).state.is_terminal, 10, "the job ends")
        assert thief.has_struck.is_set(), program.told()
        record = ledger.read(job)
        assert (record.state, record.attempt) == (State.SUCCESS, 1), program.told()
        assert time.monotonic() - begin < SOON_S
        assert ledger.events(job) == [
            "job.created", "job.started", "job.retrying", "job.started", "job.succeeded",
        ]  # fmt: skip


def test_worker_that_stops_disowns_the_claim_on_its_way(tmp_path: Path, thief: Thief, ledger: Ledger) -> None:
    with worker(tmp_path, thief, "threads", ledger) as program:
        thief.watch(CLAIMED, breaks=False)
        job = ledger.submit(task="end.well", queue="media", input=b"{}", max_attempts=1)
        wait_until(thief.has_struck.is_set, 10, "the claim is lost")
        program.tell(signal.SIGTERM)
        program.wait()
        record = ledger.read(job)
        assert (record.state, record.attempt) == (State.PENDING, 0), program.told()
