"""Workers of two releases on one queue: the older ones do not know a task of the newer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deployment import Deployment
from tests.support.waiting import wait_until

pytestmark = pytest.mark.acceptance

OLD: dict[str, Any] = {"JOBLINE_TASKS": "tests.support.tasks.simple"}
QUEUE = "deploy"


def unserved(deployment: Deployment) -> list[dict[str, object]]:
    found: list[dict[str, object]] = deployment.client.get(f"/v1/queues/{QUEUE}").json()["unserved"]
    return found


def test_jobs_of_a_new_task_wait_uncounted_for_a_worker_that_knows_it(deployment: Deployment) -> None:
    """A rolling deployment must fail no job, whatever worker sees it first."""
    with deployment.worker("-Q", QUEUE, **OLD) as old:
        jobs = [
            deployment.submit("test.echo", {"text": str(number)}, queue=QUEUE, max_attempts=1)
            for number in range(5)
        ]
        wait_until(
            lambda: unserved(deployment) == [{"task": "test.echo", "waiting": 5}], 15, "nobody serves them"
        )
        assert {(job["state"], job["attempt"]) for job in map(deployment.read, jobs)} == {("PENDING", 0)}
        assert old.output().count("wait for a worker that knows it") <= 2  # one a process
        with deployment.worker("-Q", QUEUE):
            ended = [deployment.wait(job, within_s=15) for job in jobs]
            wait_until(lambda: unserved(deployment) == [], 15, "they are served")
    assert {(job["state"], job["attempt"]) for job in ended} == {("SUCCESS", 1)}
