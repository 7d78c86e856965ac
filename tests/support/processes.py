"""Processes that a test starts, signals, freezes and kills, whatever they serve.

Each leads a session of its own, so that a signal to its group reaches it and its children alone, and each is
bound to the test run, so that nothing outlives one that is killed. `jobline.cli.supervision.supervisor`
keeps the same processes for a developer, and is no help here: it starts again whatever a test has killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jobline.cli.embedded import bind_to_parent
from jobline.cli.supervision.processes import read_stat
from tests.support.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).resolve().parents[2]
PYTHON_PATH = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
JOBLINE = (sys.executable, "-m", "jobline.cli")


class Program:
    """One process in a session of its own, with its output in a file."""

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                bind_to_parent(command),
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the leader is alive; a stopped one is."""
        return self._process.poll() is None

    def children(self) -> list[int]:
        """Return the pids of its living children, oldest first."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def rss_kb(self) -> int:
        """Return the resident memory of the leader."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} is gone")

    def output(self) -> str:
        """Return its output so far."""
        return self.log.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the leader alone."""
        self._process.send_signal(number)

    def signal_tree(self, number: signal.Signals) -> None:
        """Signal the leader and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill the whole tree, as a crash of the machine would."""
        self.signal_tree(signal.SIGKILL)
        self._process.wait()

    def wait(self, within_s: float = DEADLINE_S) -> int:
        """Wait for the leader's end and return its exit status."""
        return self._process.wait(within_s)

    def ends_within(self, seconds: float) -> bool:
        """Return whether the leader ended in time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.is_alive


def is_alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    stat = read_stat(pid)
    return bool(stat) and stat[0] != "Z"


def read_pid(path: Path) -> int:
    """Wait for the pid that a child writes into a file, and return it."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), what=f"{path.name} is written")
    return int(path.read_text())


def environment() -> dict[str, str]:
    """Return an environment in which a child imports what the test imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
