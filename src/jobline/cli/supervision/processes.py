"""Who a pid is: so that a process of ours is found again, and one that only has its number is never killed.

A pid is reused; a pid with its start time (and boot) is not. Where a group's leader has died, its children
are ours if they carry the token that we gave the leader in its environment. Knows nothing of what the
processes do.
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
    """Name one process for good: its pid and when it started, in the platform's own words."""

    pid: int
    started: str


def read_mark(pid: int) -> Mark | None:
    """Name the process that has this pid now; None where there is none."""
    started = started_on_linux(pid) if sys.platform == "linux" else started_by_ps(pid)
    return Mark(pid, started) if started else None


def kill_families(marks: Iterable[Mark], token: str) -> None:
    """Kill (SIGKILL) what is left of process groups whose leaders are marked; a reused pid is left alone."""
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
    """Find the processes of a group that carry the token; only Linux lets one look."""
    word = f"{SUPERVISOR_TOKEN}={token}".encode()
    for entry in PROC.glob("[0-9]*") if sys.platform == "linux" else ():
        fields = read_stat(int(entry.name))
        if fields and int(fields[2]) == group and word in read_environment(entry).split(b"\0"):
            yield int(entry.name)


def started_on_linux(pid: int) -> str | None:
    """Give the boot and the clock ticks after it: proc(5), field 22 of ``stat``."""
    fields = read_stat(pid)
    if not fields:
        return None
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def read_stat(pid: int) -> list[str]:
    """Give ``/proc/PID/stat`` from its third field (the state) on; empty where there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def read_environment(process: Path) -> bytes:
    """Give the environment that a process was started with; empty where it is another user's, or gone."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def started_by_ps(pid: int) -> str | None:
    """Ask ps(1), which every other Unix has."""
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
