"""What a supervisor leaves for those after it: the marks of its children, in a file that outlives a SIGKILL.

Read by the next supervisor of the same directory, and by the guard: run as a program (``python -m
jobline.cli.supervision.pid_file PATH``), this module waits until its standard input ends, which is when the
supervisor has died, and kills what the supervisor could not stop any more: a worker's own children too, which
no PDEATHSIG reaches.
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
    """Keep the marks of the children that run now, each under its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token = secrets.token_hex(16)
        self._marks: dict[str, Mark] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Give what each child must carry, and hand on to its children."""
        return {SUPERVISOR_TOKEN: self.token}

    def add(self, name: str, pid: int) -> None:
        """Note a child that has just been started."""
        if mark := read_mark(pid):
            self._marks[name] = mark
            self._write()

    def sweep(self, name: str) -> None:
        """Kill what is left of a child's process group, and forget the child."""
        if mark := self._marks.get(name):
            kill_families([mark], self.token)
            del self._marks[name]
            self._write()

    def remove(self) -> None:
        """Leave nothing: all children have ended."""
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
    """Kill the children of a dead supervisor, remove its file; only for who holds the directory's lock."""
    try:
        content = json.loads(path.read_text())
        marks = [Mark(int(pid), str(started)) for pid, started in content["children"].values()]
        token = str(content["token"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        marks, token = [], ""
    kill_families(marks, token)
    path.unlink(missing_ok=True)


def start_guard(path: Path, lock_fd: int) -> subprocess.Popen[bytes]:
    """Start the guard; it holds the directory's lock until it is done, so nobody starts into its work."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(path)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=(lock_fd,),
    )


def guard(path: Path) -> None:
    """Wait for the supervisor's end, then sweep."""
    while os.read(0, 1024):
        pass
    sweep_orphans(path)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
