"""Child processes in a fixed order, kept alive under the lock of one directory; no word of what they do.

What it promises: children end with this process, however it ends (the kernel's parent-death signal ends
them, the guard their own children); a second supervisor of the directory is refused; what a killed supervisor
left is killed before anything starts; a child that dies is started again; a stop ends the children in the
opposite order, each with its grace time.
"""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Self

from jobline.cli.embedded import DirectoryLock
from jobline.cli.supervision.child import POLL_S, Child, Spec
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.pid_file import PidFile, start_guard, sweep_orphans

LOCK_NAME = "supervisor.lock"
PID_FILE_NAME = "supervisor.json"
GUARD_TIMEOUT_S = 5.0


class Supervisor:
    """Start children in order, keep them alive, stop them in the opposite order.

    An asynchronous context manager; entering raises DirectoryLocked when another one owns the directory.
    """

    def __init__(self, directory: Path, console: Console) -> None:
        self._lock = DirectoryLock(directory, LOCK_NAME)
        self._pids = PidFile(directory / PID_FILE_NAME)
        self._console = console
        self._children: list[Child] = []
        self._guard: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._lock.acquire()
        sweep_orphans(self._pids.path)
        self._guard = start_guard(self._pids.path, self._lock.fd)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._stop_children()
        finally:
            for child in reversed(self._children):
                child.kill()
            self._pids.remove()
            self._dismiss_guard()
            self._lock.release()

    def start(self, spec: Spec) -> Child:
        """Start a child and keep it alive; it is stopped before those started earlier."""
        child = Child(spec, self._pids, self._console)
        self._children.append(child)
        return child

    async def _stop_children(self) -> None:
        for child in self._children:
            child.retire()
        for child in reversed(self._children):
            await child.stop()
        await asyncio.sleep(POLL_S)  # the last words of the last child are read in this turn of the loop

    def _dismiss_guard(self) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        self._guard.stdin.close()
        try:
            self._guard.wait(GUARD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
