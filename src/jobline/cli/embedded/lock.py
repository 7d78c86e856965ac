"""One owner a directory: two servers on one AOF corrupt it.

The lock is ``flock`` on a file in it, so it ends with its last holder however that one ends, and never goes
stale. A child that inherits ``fd`` holds it too: a server that outlives its parent still keeps others from
its data.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

from jobline.domain.errors import JoblineError

#: A killed holder still has its descriptors for some milliseconds after its pid is gone.
PATIENCE_S = 0.5
POLL_S = 0.01


class DirectoryLocked(JoblineError):
    """Another living process owns the directory."""


class DirectoryLock:
    """Own a directory until ``release``, or until the last process that holds ``fd`` ends."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / name
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """Give the open descriptor, to be inherited by a child; only while held."""
        if self._fd is None:
            raise RuntimeError(f"{self.path} is not held")
        return self._fd

    def acquire(self) -> None:
        """Take the lock, making the directory if need be; raises DirectoryLocked, naming the holder's pid."""
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
        """Write who holds the lock, for the message to the next one."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, f"{pid}\n".encode(), 0)

    def release(self) -> None:
        """Let go; the file stays, as removing it would let two processes lock two files of one name."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked_in_time(fd: int) -> bool:
    """Claim that the lock was got, within the patience that a dying holder deserves."""
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
