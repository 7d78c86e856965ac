"""A ledger of another version ends every program that would misread it, with one line and exit status 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from jobline.ledger.keys import LAYOUT_VERSION, Key
from tests.support.deployment import Deployment, celery
from tests.support.processes import JOBLINE, Program
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.acceptance

LINE = f"has version {LAYOUT_VERSION + 1}, this program reads version {LAYOUT_VERSION}"


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    try:
        made.redis.start()
        yield made
    finally:
        made.close()


def set_version(deployment: Deployment, version: int) -> None:
    with redis.Redis.from_url(deployment.redis.url) as client:
        client.set(Key.VERSION.of(), version)


def refusal(program: Program) -> list[str]:
    """Return the lines in which the program says why it ends."""
    return [line for line in program.output().splitlines() if LINE in line and "jobline: " in line]


COMMANDS = {
    "jobline": [*JOBLINE, "worker", "-c", "1"],
    "light": [*JOBLINE, "worker", "--pool", "light"],
    "celery": celery("worker", "-c", "1"),
    "processes": [*JOBLINE, "worker", "-c", "1", "--processes", "2"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_worker_ends_at_once_with_one_line(deployment: Deployment, name: str) -> None:
    set_version(deployment, LAYOUT_VERSION + 1)
    worker = deployment.start(name, COMMANDS[name])
    assert worker.wait() != 0
    assert len(refusal(worker)) == 1, worker.output()
    assert "Traceback" not in worker.output()


def test_running_worker_ends_when_another_ledger_takes_the_place(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.wait_ready(worker)
    set_version(deployment, LAYOUT_VERSION + 1)
    deployment.redis.kill()
    deployment.redis.start()
    set_version(deployment, LAYOUT_VERSION + 1)
    assert worker.wait() == 2
    assert len(refusal(worker)) == 1


def test_worker_that_waits_for_redis_checks_when_it_comes(deployment: Deployment) -> None:
    set_version(deployment, LAYOUT_VERSION + 1)
    deployment.redis.stop()
    worker = deployment.start_worker()
    wait_until(lambda: "Cannot connect" in worker.output(), DEADLINE_S, "the worker waits")
    deployment.redis.start()
    assert worker.wait() == 2
    assert len(refusal(worker)) == 1
