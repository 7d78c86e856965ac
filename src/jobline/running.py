"""What `jobline dev` runs in a folder, for the commands that are run in the same folder.

Another Redis may have the usual port, and the API another one than 8000; a key that `jobline keys create`
writes into the wrong Redis opens nothing. So `jobline dev` leaves a note with the variables of its
environment. It is valid as long as its writer holds the lock on it, so that of a killed one is not read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jobline.domain.settings import Settings

NOTE = "dev.json"
DATA_DIR = "JOBLINE_DATA_DIR"
REDIS_URL = "JOBLINE_REDIS_URL"


@contextmanager
def announce(data_dir: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Keep a note with these variables in the data directory; it is for this user alone."""
    path = data_dir / NOTE
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.ftruncate(fd, 0)
        os.write(fd, json.dumps(dict(variables)).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)


def find_running(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables of the service that runs in this folder; none while another one is meant."""
    folder = environment.get(DATA_DIR) or Settings.model_fields["data_dir"].default
    found = read_note(Path(folder) / NOTE)
    meant = environment.get(REDIS_URL)
    return {} if meant and meant != found.get(REDIS_URL) else found


def join_running() -> None:
    """Add the variables of the service that runs in this folder to the environment, which wins."""
    for name, value in find_running().items():
        os.environ.setdefault(name, value)


def read_note(path: Path) -> dict[str, str]:
    """Return the variables of a note whose writer lives."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return {str(name): str(value) for name, value in json.loads(os.read(fd, 65_536) or b"{}").items()}
    finally:
        os.close(fd)
    return {}
