"""Clients generated from the golden file, and the live service that they are tried on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.processes import JOBLINE, ROOT, Program

SLOTS = 4
#: The exit status of scripts/sdk.sh when Java or Node is missing.
MISSING = 3


class Service(Deployment):
    """A deployment by `jobline api` and `jobline worker`, with access keys and the golden tasks."""

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(JOBLINE_AUTH="keys", JOBLINE_TASKS="", **more)

    def start_jobline_worker(self) -> Program:
        """Start a worker as an operator does."""
        return self.start("worker", [*JOBLINE, "worker", "--concurrency", str(SLOTS)])

    def make_key(self, *options: str) -> str:
        """Create an access key as an operator does."""
        command = [*JOBLINE, "keys", "create", "--tenant", "sdk", *options]
        return run(command, self.directory, self.environment()).stdout.strip()


@dataclass(frozen=True)
class Live:
    """What a client needs to know."""

    environment: dict[str, str]
    photo: Path


@cache
def make_client(name: str) -> str:
    """Generate a client unless it is up to date; return why that is impossible, or nothing."""
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
    """Install the TypeScript compiler with a generator that brings it, and return the path of Node."""
    if why := make_client("hey-api"):
        pytest.skip(why)
    node = shutil.which("node")
    assert node is not None
    return node


def run(
    command: list[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; on failure, raise with its whole output."""
    ended = subprocess.run(
        command, cwd=directory, env=dict(environment), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended
