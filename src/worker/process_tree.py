"""The processes that a job's process has started, and theirs: a kill must reach all of them (celery#1106).

They cannot be a process group of their own: a supervisor stops, continues and kills a worker with its jobs as
one group. Found by `/proc`, so on systems without it a kill reaches the job's own process alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path

PROC = Path("/proc")


def kill_tree(pid: int) -> None:
    """Kill a process and all that descend from it; it is stopped first, so that it starts no more."""
    send(pid, signal.SIGSTOP)
    for one in (pid, *descendants(pid)):
        send(one, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the processes below one, parents first."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
            _, _, after_name = entry.read_text(errors="replace").rpartition(")")
            children[int(after_name.split()[1])].append(int(entry.parent.name))
    found = [pid]
    for one in found:
        found += children[one]
    return found[1:]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
