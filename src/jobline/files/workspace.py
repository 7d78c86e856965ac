"""Give one attempt a directory of its own, gone when the attempt is; what a killed one left is swept.

The owner holds a lock on the file ``owner`` inside, which the kernel lets go of when the process dies,
however it dies. So a sweep can tell what was left behind from the directory of a job that runs for days.
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

FOLDER = "work"
STALE_S = 3600.0
OWNER = "owner"
SAFE_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
#: Some libraries choose a format by the suffix, so the local file keeps a plain one.
SAFE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")


class Workspace:
    """Hold the working directory of one attempt: ``with Workspace(data_dir, job_id, fence) as space``.

    ``fence`` is the attempt's number in the ledger: a late attempt and the current one share no directory.
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
        """Make the directory, and lock it as its owner."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.inputs.mkdir(exist_ok=True)
        self.outputs.mkdir(exist_ok=True)
        return self

    def close(self) -> None:
        """Remove the directory with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def output(self, name: str) -> tuple[str, Path]:
        """Reserve an artifact's id and the local path to write it to.

        Raises TaskError ``artifact.bad_name``. The local name is the id: 200 characters can be 800 bytes.
        """
        made = artifact_id(self._job_id, check_artifact_name(name))
        suffix = Path(name).suffix
        return made, self.outputs / (made + (suffix if SAFE_SUFFIX.fullmatch(suffix) else ""))


def check_written(name: str, path: Path) -> Path:
    """Return the path of a reserved artifact; raises TaskError ``artifact.missing`` when there is none."""
    if not path.is_file():
        message = f"The task reserved the artifact {name!r} and wrote nothing to it."
        raise TaskError("artifact.missing", message)
    return path


def sweep_workspaces(root: Path, older_than_s: float = STALE_S) -> int:
    """Remove the working directories whose owner is dead, and say how many; call it about once an hour."""
    folder = root.absolute() / FOLDER
    if not folder.is_dir():
        return 0
    before = time.time() - older_than_s
    return sum(remove_if_left(Path(entry.path), before) for entry in os.scandir(folder))


def remove_if_left(path: Path, before: float) -> bool:
    """Remove one working directory if it was made before ``before`` and nobody holds its lock."""
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
    """Write a job id as part of a directory's name; a stock Celery client may choose any string as id."""
    if SAFE_JOB_ID.fullmatch(job_id):
        return job_id
    return hashlib.sha256(job_id.encode()).hexdigest()
