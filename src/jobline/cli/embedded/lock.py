"""A lock on a directory: two servers that write one AOF corrupt it.

It is ``flock`` on a file in the directory, so it ends with its last holder, however that ends, and is never
stale. A child that inherits ``fd`` holds it too: a server that outlives its parent still protects its data.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from jobline.domain.errors import JoblineError

#: The descriptors of a killed holder stay open for some milliseconds after its pid is gone.
PATIENCE_S = 0.5
POLL_S = 0.01


class DirectoryLocked(JoblineError):
    """Another running process has the directory's lock."""


class DirectoryLock:
    """The lock on a directory, held until ``release`` or until the last process with ``fd`` ends."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / name
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """The open descriptor, for a child to inherit; raises RuntimeError while the lock is not held."""
        if self._fd is None:
            raise RuntimeError(f"{self.path} is not held")
        return self._fd

    def acquire(self) -> None:
        """Take the lock, making the directory if needed; raises DirectoryLocked with the holder's pid."""
        if self._fd is not None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not is_locked_in_time(fd):
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise DirectoryLocked(
                f"{self.path.parent} is in use by another process (pid {holder}): "
                "stop it, or take another directory"
            )
        self._fd = fd
        self.note(os.getpid())

    def note(self, pid: int) -> None:
        """Note the holder's pid, for the message of DirectoryLocked."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{pid}\n".encode(), 0)

    def release(self) -> None:
        """Release the lock; the file stays, as two processes could lock two files of one name otherwise."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked_in_time(fd: int) -> bool:
    """Return whether the lock was taken; a holder that is ending gets some time to let it go."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        else:
            return True
