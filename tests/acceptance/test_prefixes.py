"""Two Joblines on one Redis, each with its own prefix, API and worker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.deployment import Deployment, celery

pytestmark = pytest.mark.acceptance

PREFIXES = ("shop:", "{mail}:")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[Deployment]]:
    made = [
        Deployment(tmp_path / str(number), JOBLINE_PREFIX=prefix) for number, prefix in enumerate(PREFIXES)
    ]
    made[1].redis = made[0].redis
    try:
        made[0].redis.start()
        for deployment in made:
            deployment.directory.mkdir(exist_ok=True)
            worker = deployment.start_worker()
            deployment.start_api()
            deployment.wait_ready(worker)
        yield made
    finally:
        for deployment in made:
            deployment.close()


def test_jobs_workers_and_keys_stay_apart(both: list[Deployment]) -> None:
    jobs = [deployment.submit("test.echo", {"text": "a"}, tags=["a"]) for deployment in both]
    for deployment, job in zip(both, jobs, strict=True):
        assert deployment.wait(job)["state"] == "SUCCESS"
        listed = deployment.client.get("/v1/jobs").json()["items"]
        assert [one["id"] for one in listed] == [job]
    for deployment, job in zip(both, reversed(jobs), strict=True):
        assert deployment.client.get(f"/v1/jobs/{job}").status_code == 404
    for deployment in both:
        answer = subprocess.run(
            celery("inspect", "ping"),
            cwd=deployment.directory,
            env=deployment.environment(),
            capture_output=True,
            text=True,
            timeout=40,
            check=True,
        )
        assert "1 node online" in answer.stdout, "remote control reaches the workers of its prefix alone"
    with redis.Redis.from_url(both[0].redis.url, decode_responses=True) as client:
        keys = set(client.scan_iter(count=1000))
    assert [key for key in keys if not key.startswith(PREFIXES)] == []
    assert all(any(key.startswith(prefix) for key in keys) for prefix in PREFIXES)
