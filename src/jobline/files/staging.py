"""Files that are being written: in a folder of their own, each locked by its writer until it is renamed.

The kernel releases the lock when the writer dies. So a sweep knows what a killed process left behind, however
slowly a live upload comes in, and removes it within a minute.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from jobline.files.private import FILE_MODE, make_private

FOLDER = "incoming"
#: Seconds without a write after which a file may be one of a dead process. A writer locks its file at once.
STALE_S = 20.0
#: The same on a file system without locks, where only the time can tell.
STALE_WITHOUT_LOCKS_S = 86_400.0
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


def open_staging(target: Path) -> tuple[Path, BinaryIO]:
    """Create and lock a file that will be renamed to ``target``, on the same file system."""
    path = target.parent / FOLDER / f"{target.name}#{secrets.randbelow(10**12)}"
    make_private(path.parent)
    stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")
    with suppress(OSError):  # a file system without locks
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return path, stream


def sweep_staging(folder: Path, older_than_s: float = STALE_S) -> int:
    """Remove the half-written files of dead processes below ``folder``; return their number."""
    try:
        entries = list(os.scandir(folder / FOLDER))
    except FileNotFoundError:
        return 0
    return sum(remove_if_abandoned(Path(entry.path), older_than_s) for entry in entries)


def remove_if_abandoned(path: Path, older_than_s: float) -> bool:
    """Remove a file that was not written to for a while and that no process has locked."""
    with suppress(FileNotFoundError):  # renamed, or removed by another sweep
        age_s = time.time() - path.stat().st_mtime
        if age_s >= older_than_s and (is_unlocked(path) or age_s >= STALE_WITHOUT_LOCKS_S):
            path.unlink()
            return True
    return False


def is_unlocked(path: Path) -> bool:
    """Return whether a file's writer is dead; False where the file system has no locks."""
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {*NO_LOCKS, errno.EWOULDBLOCK, errno.EACCES}:
            raise
        return False
    finally:
        os.close(fd)
    return True
