"""The working directory of one attempt: removed at its end, or by a sweep if its process was killed.

The attempt holds a lock on the file ``owner`` inside. The kernel releases the lock when the process dies, so
a sweep can tell an abandoned directory from that of a job that runs for days.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from jobline.domain.errors import TaskError
from jobline.files.names import artifact_id, check_artifact_name
from jobline.files.private import make_private

FOLDER = "work"
STALE_S = 3600.0
OWNER = "owner"
SAFE_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
#: Some libraries choose a format by the suffix, so the local file keeps a plain one.
SAFE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


class Workspace:
    """The working directory of one attempt: ``with Workspace(data_dir, job_id, fence) as space``.

    ``fence`` is the attempt's fence: a late attempt and the current one have different directories.
    """

    def __init__(self, root: Path, job_id: str, fence: int) -> None:
        self.path = root.absolute() / FOLDER / f"{directory_name(job_id)}-{fence}"
        #: Where ``FileStore.fetch`` puts files.
        self.inputs = self.path / "in"
        #: Where the attempt writes its artifacts until they are published.
        self.outputs = self.path / "out"
        self._job_id = job_id
        self._lock = -1

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Self:
        """Create the directory, and lock it as its owner."""
        make_private(self.path)
        self._lock = os.open(self.path / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.inputs.mkdir(exist_ok=True)
        self.outputs.mkdir(exist_ok=True)
        return self

    def close(self) -> None:
        """Remove the directory with its contents."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def output(self, name: str) -> tuple[str, Path]:
        """Return an artifact's id and the local path to write it to.

        Raises TaskError ``artifact.bad_name``. The local name is the id, because a name of 200 characters can
        have 800 bytes, more than file systems allow.
        """
        reserved = artifact_id(self._job_id, check_artifact_name(name))
        suffix = Path(name).suffix
        return reserved, self.outputs / (reserved + (suffix if SAFE_SUFFIX.fullmatch(suffix) else ""))


def check_written(name: str, path: Path) -> Path:
    """Return the path of a reserved artifact, which is a regular file.

    Raises TaskError: ``artifact.missing`` if nothing is there, ``artifact.bad`` for anything but a file. A
    link would let clients read what it leads to.
    """
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        message = f"The artifact {name!r} is no regular file. Write its bytes to the path; do not link it."
        raise TaskError("artifact.bad", message)
    if not path.is_file():
        message = f"The task reserved the artifact {name!r} and wrote nothing to it."
        raise TaskError("artifact.missing", message)
    return path


def sweep_workspaces(root: Path, older_than_s: float = STALE_S) -> int:
    """Remove the working directories of dead owners and return their number; call it hourly."""
    folder = root.absolute() / FOLDER
    if not folder.is_dir():
        return 0
    before = time.time() - older_than_s
    return sum(remove_if_abandoned(Path(entry.path), before) for entry in os.scandir(folder))


def remove_if_abandoned(path: Path, before: float) -> bool:
    """Remove one working directory if it was made before ``before`` and its lock is free."""
    try:
        if path.stat().st_mtime >= before:
            return False
        lock = os.open(path / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def directory_name(job_id: str) -> str:
    """Return a job id for use in a directory's name; a stock Celery client may choose any string as id."""
    if SAFE_JOB_ID.fullmatch(job_id):
        return job_id
    return hashlib.sha256(job_id.encode()).hexdigest()
