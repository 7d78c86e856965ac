"""Clients that generators made of the golden file, and the live service that they are tried on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.house import ROOT, House
from tests.acceptance.processes import Program

JOBLINE = [sys.executable, "-m", "jobline.cli"]
SLOTS = 4
#: The exit status by which scripts/sdk.sh says that Java or Node is missing.
MISSING = 3


class Service(House):
    """Run `jobline api` and `jobline worker` with access keys and with the tasks of the golden file alone."""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(JOBLINE_AUTH="keys", JOBLINE_TASKS="", **more)

    def start_jobline_worker(self) -> Program:
        """Start a worker as an operator does."""
        return self.start("worker", [*JOBLINE, "worker", "--concurrency", str(SLOTS)])

    def make_key(self, *options: str) -> str:
        """Make an access key as an operator does."""
        command = [*JOBLINE, "keys", "create", "--tenant", "sdk", *options]
        return run(command, self.directory, self.environment()).stdout.strip()


@dataclass(frozen=True)
class Live:
    """Hold what a client needs to know."""

    environment: dict[str, str]
    photo: Path


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    service = Service(tmp_path_factory.mktemp("sdk"))
    try:
        service.redis.start()
        worker = service.start_jobline_worker()
        service.start_api(service.port)
        service.wait_ready(worker)
        photo = service.directory / "photo.jpg"
        Image.effect_noise((640, 480), 50).convert("RGB").save(photo)
        url = f"http://127.0.0.1:{service.port}"
        keys = {
            "JOBLINE_API_KEY": service.make_key(),
            "JOBLINE_ADMIN_KEY": service.make_key("--scope", "admin"),
        }
        yield Live({"JOBLINE_URL": url, **keys}, photo)
    finally:
        service.close()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Path:
    """Give the folder of the client that a test is parametrized with; skips where its tools are missing."""
    name: str = request.param
    if why := make_client(name):
        pytest.skip(why)
    return ROOT / "build/sdk" / name


@cache
def make_client(name: str) -> str:
    """Generate a client, unless it is fresh; give the reason why it cannot be here, or nothing."""
    made = subprocess.run(
        ["sh", "scripts/sdk.sh", name],  # noqa: S607 - the shell is found on PATH, as by make
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode == MISSING:
        return made.stderr.strip()
    assert made.returncode == 0, made.stdout + made.stderr
    return ""


def need_compiler() -> str:
    """Install the compiler, which comes with a generator of TypeScript, and give Node's path."""
    if why := make_client("hey-api"):
        pytest.skip(why)
    node = shutil.which("node")
    assert node is not None
    return node


def run(
    command: list[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run to the end; fails with all that was said."""
    ended = subprocess.run(
        command, cwd=directory, env=dict(environment), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended
