"""Celery's remote control and Flower, against a real worker: every command answers, every page shows."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from celery.worker.control import Panel

from jobline.cli.embedded import free_port
from tests.support.deployment import Deployment, celery
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance

WORKER = "worker-01@test"
#: Arguments of the commands that need some.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "add_consumer": {"queue": "more"},
    "cancel_consumer": {"queue": "more"},
    "election": {"id": "a", "topic": "b"},
    "hello": {"from_node": "c@test"},
    "query_task": {"ids": ["a"]},
    "rate_limit": {"task_name": "test.echo", "rate_limit": 0},
    "revoke": {"task_id": "a"},
    "revoke_by_stamped_headers": {"headers": {"a": "b"}},
    "terminate": {"task_id": "a", "signal": "TERM"},
    "time_limit": {"task_name": "test.echo", "soft": None, "hard": None},
}
#: What Celery itself answers with an error, unless the worker was started with an option or has a package.
REFUSED = {
    "autoscale": "Autoscale not enabled",
    "objgraph": "objgraph library",
    "pool_restart": "Pool restarts not enabled",
}
#: These end the worker, or answer nobody.
OTHERS = {"shutdown", "election"}
COMMANDS = sorted(set(Panel.meta) - OTHERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_remote_control_answers(deployment: Deployment, app: Any, command: str) -> None:
    """An answer is JSON: one object among the settings, and the whole answer of a worker is lost."""
    answers = app.control.broadcast(
        command, arguments=ARGUMENTS.get(command), reply=True, destination=[WORKER], timeout=15, limit=1
    )

    assert len(answers) == 1, f"{command}: no answer"
    answer = answers[0][WORKER]
    if command in REFUSED:
        assert REFUSED[command] in answer["error"]
    else:
        assert not (isinstance(answer, dict) and "error" in answer), answer


def test_stats_on_the_command_line(deployment: Deployment) -> None:
    """The whole way that an operator goes, with the pool and the broker in the answer, and no password."""
    done = subprocess.run(
        celery("inspect", "stats", "--json", "--timeout", "10", "-d", WORKER),
        cwd=deployment.directory,
        env=deployment.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    stats = json.loads(done.stdout)[WORKER]
    assert stats["pool"]["max-concurrency"] == 3
    assert stats["broker"]["transport"] == "jobline"


@pytest.fixture(scope="module")
def flower(deployment: Deployment) -> Iterator[str]:
    """Run Flower and return its URL."""
    if importlib.util.find_spec("flower") is None:
        pytest.skip("flower is not installed")
    port = free_port()
    program = deployment.start(
        "flower",
        celery("flower", "--address=127.0.0.1", f"--port={port}"),
        FLOWER_UNAUTHENTICATED_API="true",
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert program.is_alive, program.output()
        try:
            return httpx.get(f"{url}/workers", trust_env=False).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, what="Flower answers")
        yield url
    finally:
        program.kill()


def test_flower_shows_workers_and_jobs(deployment: Deployment, flower: str) -> None:
    """Flower is the tool that users of Celery know: a worker's page, and a task's with its result."""
    with httpx.Client(base_url=flower, trust_env=False, timeout=30) as client:
        wait_until(
            lambda: WORKER in client.get("/workers?json=1").text, what="Flower has heard of the worker"
        )
        page = client.get(f"/worker/{WORKER}")
        assert page.status_code == 200, "the worker has answered every inspect"
        assert "test.echo" in page.text

        job = deployment.submit("test.echo", {"text": "seen in Flower"})
        deployment.wait(job)
        wait_until(lambda: client.get(f"/task/{job}").is_success, what="Flower has heard of the job")
        assert "test.echo" in client.get(f"/task/{job}").text
        result = client.get(f"/api/task/result/{job}")
        assert result.status_code == 200
        assert result.json()["state"] == "SUCCESS"
        assert "seen in Flower" in result.text


def test_flower_knows_no_queue_of_the_ledger(flower: str) -> None:
    """Flower reads the lists of the stock transport itself; fails when it learns to ask the transport."""
    assert httpx.get(f"{flower}/broker", trust_env=False).status_code == 404


def test_worker_starts_as_root_without_a_warning(deployment: Deployment) -> None:
    """Celery warns of root because of pickle; containers run as root, and no worker here accepts pickle."""
    worker = next(program for program in deployment.programs if program.name == "worker-01")
    assert " ready." in worker.output()
    assert "SecurityWarning" not in worker.output()
