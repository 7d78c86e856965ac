"""The file in which a supervisor notes its children, so that they can be killed after its own SIGKILL.

Two read it: the next supervisor of the same directory, and the guard. The guard is this module run as a
program (``python -m jobline.cli.supervision.pid_file PATH``). Its standard input ends when the supervisor
dies; it then kills what the supervisor left, a worker's own children included, which no parent-death signal
reaches.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

from jobline.cli.supervision.processes import Mark, kill_families, read_mark
from jobline.startup import SUPERVISOR_TOKEN


class PidFile:
    """The identities of the children that run now, by their names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token = secrets.token_hex(16)
        self._marks: dict[str, Mark] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variable that each child must have, and pass on to its own children."""
        return {SUPERVISOR_TOKEN: self.token}

    def add(self, name: str, pid: int) -> None:
        """Note a child that has just started."""
        if mark := read_mark(pid):
            self._marks[name] = mark
            self._write()

    def sweep(self, name: str) -> None:
        """Kill what is left of a child's process group, and remove the child."""
        if mark := self._marks.get(name):
            kill_families([mark], self.token)
            del self._marks[name]
            self._write()

    def remove(self) -> None:
        """Delete the file, once all children have ended."""
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        content = {
            "token": self.token,
            "children": {name: [mark.pid, mark.started] for name, mark in self._marks.items()},
        }
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=1) + "\n")
        draft.replace(self.path)


def sweep_orphans(path: Path) -> None:
    """Kill the children of a dead supervisor and delete its file; the caller holds the directory's lock."""
    try:
        content = json.loads(path.read_text())
        marks = [Mark(int(pid), str(started)) for pid, started in content["children"].values()]
        token = str(content["token"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        marks, token = [], ""
    kill_families(marks, token)
    path.unlink(missing_ok=True)


def start_guard(path: Path, lock_fd: int) -> subprocess.Popen[bytes]:
    """Start the guard; it keeps the directory's lock until it is done, so no new supervisor starts before."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(path)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=(lock_fd,),
    )


def guard(path: Path) -> None:
    """Wait for the end of the supervisor, then kill its children."""
    while os.read(0, 1024):
        pass
    sweep_orphans(path)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
