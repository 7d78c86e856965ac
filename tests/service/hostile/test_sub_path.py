"""Clients behind a proxy that serves the API below a path of its own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.deployment import Deployment
from tests.support.processes import JOBLINE
from tests.support.waiting import wait_until

PREFIX = "/jobs"


@pytest.fixture
def below(attacked: Deployment) -> Iterator[httpx.Client]:
    """Start an API below a path; the proxy strips it, so the requests have none."""
    port = attacked.port + 1
    api = attacked.start("api", [*JOBLINE, "api", "--port", str(port), "--root-path", f"{PREFIX}/"])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        def answers() -> bool:
            try:
                return client.get("/health/live").is_success
            except httpx.TransportError:
                return False

        wait_until(answers, 30, "the API answers")
        yield client
    api.kill()


def test_links_lead_through_the_proxy(below: httpx.Client) -> None:
    """Protects clients of a sub-path: every link that they follow has the proxy's path."""
    jobs = [{"task": "demo.countdown", "input": {"seconds": 1}}] * 2
    made = below.post("/v1/tasks/demo.countdown/jobs", json={"input": {"seconds": 1}})
    batch = below.post("/v1/batches", json={"jobs": jobs})
    page = below.get("/v1/jobs?limit=1")
    missing = below.get("/v1/jobs/none")
    wrong = below.put("/v1/jobs")

    assert made.headers["location"] == f"{PREFIX}/v1/jobs/{made.json()['id']}"
    assert batch.headers["location"].startswith(f"{PREFIX}/v1/batches/")
    assert batch.json()["links"]["jobs"].startswith(f"{PREFIX}/v1/jobs?")
    assert page.headers["link"].startswith(f"<{PREFIX}/v1/jobs?")
    assert missing.json()["type"] == f"{PREFIX}/problems/not-found"
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    assert below.get("/").headers["location"] == f"{PREFIX}/docs"
    assert below.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]
    for path in ("/docs", "/redoc", "/problems/not-found"):
        text = below.get(path).text
        assert 'href="/' not in text
        assert 'src="/' not in text
