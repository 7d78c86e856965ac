"""The service against its own specification, by schemathesis with all checks, and with keys on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate

from tests.support.deployment import Deployment

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

HERE = Path(__file__).parent
BUDGET_S = 40
#: Streams end with their job, and have a test of their own; pausing a queue for good is an operator's right.
LEFT_OUT = "^(stream_.*|pause_queue)$"


class KeptHouse(Deployment):
    """A deployment with keys on and only the tasks that come with Jobline."""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(JOBLINE_AUTH="keys", JOBLINE_TASKS="", **more)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    made = KeptHouse(tmp_path_factory.mktemp("kept"))
    try:
        made.redis.start()
        worker = made.start_worker()
        made.start_api(made.port)
        made.wait_ready(worker)
        yield made
    finally:
        made.close()


def make_key(deployment: Deployment) -> str:
    command = [sys.executable, "-m", "jobline.cli", "keys", "create", "--tenant", "acme", "--scope", "admin"]
    made = subprocess.run(command, env=deployment.environment(), capture_output=True, text=True, check=True)
    return made.stdout.strip()


def test_specification_is_valid(kept: KeptHouse) -> None:
    document = httpx.get(f"http://127.0.0.1:{kept.port}/openapi.json", trust_env=False).json()
    validate(document)
    links = [
        name
        for item in document["paths"].values()
        for operation in item.values()
        for answer in operation["responses"].values()
        for name in answer.get("links", {})
    ]
    assert {"get_job", "cancel_job", "get_file"} <= set(links)


def test_every_answer_is_as_the_specification_says(kept: KeptHouse, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"http://127.0.0.1:{kept.port}/openapi.json", "--header",
        f"Authorization: Bearer {make_key(kept)}",
        "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-time", str(BUDGET_S),
        "--exclude-operation-id-regex", LEFT_OUT, "--seed", "1", "--generation-database", "none",
        "--no-color",
    ]  # fmt: skip
    environment = kept.environment(SCHEMATHESIS_HOOKS="tests.support.schemathesis_hooks")
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUDGET_S + 60,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-5_000:]
    assert "Stateful" in run.stdout
