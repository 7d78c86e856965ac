"""The identity of processes, so that none is killed which only has the pid of one that was ours.

A pid is reused; a pid together with its start time (and the boot) is not. When the leader of a process group
has died, a member is ours if its environment has the token that the leader was started with.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobline.startup import SUPERVISOR_TOKEN

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Mark:
    """The identity of one process: its pid and its start time, as the platform writes it."""

    pid: int
    started: str


def read_mark(pid: int) -> Mark | None:
    """Return the identity of the process that has this pid now; None if there is none."""
    started = started_on_linux(pid) if sys.platform == "linux" else started_by_ps(pid)
    return Mark(pid, started) if started else None


def kill_families(marks: Iterable[Mark], token: str) -> None:
    """Kill (SIGKILL) what is left of the process groups of these leaders; a reused pid is left alone."""
    for mark in marks:
        current = read_mark(mark.pid)
        if current == mark:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(mark.pid, signal.SIGKILL)
        elif current is None:
            for pid in members(mark.pid, token):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def members(group: int, token: str) -> Iterator[int]:
    """Return the processes of a group that have the token in their environment; only Linux shows it."""
    word = f"{SUPERVISOR_TOKEN}={token}".encode()
    for entry in PROC.glob("[0-9]*") if sys.platform == "linux" else ():
        fields = read_stat(int(entry.name))
        if fields and int(fields[2]) == group and word in read_environment(entry).split(b"\0"):
            yield int(entry.name)


def started_on_linux(pid: int) -> str | None:
    """Return the boot id and the clock ticks since: proc(5), field 22 of ``stat``."""
    fields = read_stat(pid)
    if not fields:
        return None
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def read_stat(pid: int) -> list[str]:
    """Return ``/proc/PID/stat`` from its third field, the state, on; empty if there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def read_environment(process: Path) -> bytes:
    """Return the environment that a process was started with; empty if it has ended or is another user's."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def started_by_ps(pid: int) -> str | None:
    """Return the start time by ps(1), which every other Unix has."""
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
