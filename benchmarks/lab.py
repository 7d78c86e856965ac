"""What every measurement shares: one Redis, processes of their own, rounds in turns."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

from jobline.cli.embedded import EmbeddedRedis, free_port

HERE = Path(__file__).parent
PEERS = HERE / "peers"
ENVIRONMENTS = HERE.parent / ".venv-bench"
START_S = 30.0
STOP_S = 5.0
CALM_S = 0.1
TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
#: Fields of /proc/PID/stat after the name: the parent; user and system time of it and of its dead children;
#: when it started.
PARENT, TIMES, STARTED = 1, slice(11, 15), 19


class Unmeasured(Exception):
    """A row cannot run here; the message is the reason that the report gives."""


#: What leaves a row out, with its message as the reason, rather than end the run.
CANNOT_RUN = (Unmeasured, OSError, ValueError, subprocess.SubprocessError, redis.RedisError)


@dataclass(frozen=True)
class Lab:
    """Hold one run's Redis and its measure of patience."""

    server: EmbeddedRedis
    directory: Path
    rounds: int
    seconds: float
    #: 1 for figures to keep; less for a try.
    scale: float
    redis: redis.Redis = field(repr=False)
    #: Words of which one must be in a row's name; empty: all rows.
    only: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Give the URL of this run's Redis."""
        return self.server.url

    def scaled(self, count: int) -> int:
        """Make a count smaller for a try."""
        return max(100, int(count * self.scale))

    def empty(self) -> None:
        """Forget everything in Redis, scripts excepted; its log too, for rows to be alike.

        Whatever came before would otherwise say in which row the log is long enough for a rewrite.
        """
        self.redis.flushall()
        self.rewrite_log()

    def rewrite_log(self) -> None:
        """Rewrite the AOF now, and so not soon: that takes a core, and writes cost more meanwhile."""
        self._wait_for_rewrite()
        self.redis.bgrewriteaof()
        self._wait_for_rewrite()

    def _wait_for_rewrite(self) -> None:
        while any(
            self.redis.info("persistence")[f"aof_rewrite_{what}"] for what in ("in_progress", "scheduled")
        ):
            time.sleep(CALM_S)

    @contextlib.contextmanager
    def process(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path = PEERS
    ) -> Iterator[Running]:
        """Run a program in a session of its own while the block runs."""
        settings = {
            **os.environ,
            "BENCH_REDIS": self.url,
            "JOBLINE_REDIS_URL": self.url,
            "JOBLINE_DATA_DIR": str(self.directory / "data"),
            "JOBLINE_TASKS": "benchmarks.noop",
            "PYTHONPATH": str(HERE.parent),
            **(environment or {}),
        }
        log = (self.directory / "process.log").open("wb")
        process = subprocess.Popen(
            list(command), cwd=cwd, env=settings, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        running = Running(process, Path(log.name))
        try:
            yield running
        finally:
            running.stop()
            log.close()


@dataclass(frozen=True)
class Running:
    """Point at one program and what it started."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise Unmeasured, with the end of its log, when it has ended."""
        if self.process.poll() is not None:
            lines = self.log.read_text(errors="replace").splitlines()
            raise Unmeasured(
                f"it ended with status {self.process.returncode}: {' | '.join(lines[-3:])[-300:]}"
            )

    def wait_for_port(self, port: int) -> None:
        """Return when the program listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            self.check()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise Unmeasured(f"it did not listen within {START_S:g} s")

    def members(self) -> dict[int, list[str]]:
        """Give the fields of /proc/PID/stat of the program and of all that descend from it, by pid."""
        stats: dict[int, list[str]] = {}
        for entry in PROC.glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                stats[int(entry.parent.name)] = entry.read_text().rpartition(")")[2].split()
        ours = {self.process.pid}
        while more := {pid for pid, fields in stats.items() if int(fields[PARENT]) in ours} - ours:
            ours |= more
        return {pid: fields for pid, fields in stats.items() if pid in ours}

    def cpu_s(self) -> float:
        """Say how much processor time it and its children have used."""
        return sum(sum(int(value) for value in fields[TIMES]) for fields in self.members().values()) / TICKS

    def stop(self) -> None:
        """End it and all that descends from it."""
        before = {pid: fields[STARTED] for pid, fields in self.members().items()}
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        for pid, started in before.items():
            with contextlib.suppress(OSError):
                stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
                if stat[STARTED] == started:
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class Row:
    """Name one thing that is measured; ``measure`` gives its figures, or raises Unmeasured."""

    name: str
    measure: Callable[[], dict[str, float]]
    leaves_out: str = ""


@dataclass
class Outcome:
    """Hold the median of a row's rounds, or the reason why there is none."""

    name: str
    leaves_out: str
    figures: dict[str, float]
    reason: str = ""


def measure(lab: Lab, rows: Sequence[Row]) -> list[Outcome]:
    """Measure the rows in turns; a row that runs in no round is left out, with the last reason."""
    rows = [row for row in rows if not lab.only or any(word in row.name for word in lab.only)]
    found: dict[str, list[dict[str, float]]] = {row.name: [] for row in rows}
    reasons: dict[str, str] = {}
    for number in range(lab.rounds):
        for row in rows:
            lab.empty()
            try:
                figures = row.measure()
            except CANNOT_RUN as error:
                reasons[row.name] = str(error) or type(error).__name__
                print(f"  {number + 1}/{lab.rounds} {row.name}: could not run: {error}", flush=True)
                continue
            found[row.name].append(figures)
            shown = ", ".join(f"{name} {value:,.4g}" for name, value in figures.items())
            print(f"  {number + 1}/{lab.rounds} {row.name}: {shown}", flush=True)
    return [outcome(row, found[row.name], reasons.get(row.name, "")) for row in rows]


def outcome(row: Row, rounds: Sequence[Mapping[str, float]], reason: str) -> Outcome:
    """Give the median of a row's rounds; the reason counts only where there were none."""
    return Outcome(row.name, row.leaves_out, medians(rounds), "" if rounds else reason)


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the median of each figure that every round has: some are measured only where a row keeps up."""
    shared = [name for name in rounds[0] if all(name in one for one in rounds)] if rounds else []
    return {name: statistics.median(one[name] for one in rounds) for name in shared}


def peer(name: str = "main") -> str:
    """Give the Python of a peers' environment, made at its first use."""
    python = ENVIRONMENTS / name / "bin" / "python"
    wanted = PEERS / ("requirements.txt" if name == "main" else f"requirements-{name}.txt")
    mark = ENVIRONMENTS / name / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        print(f"installing {wanted.name} into {ENVIRONMENTS.name}/{name} …", flush=True)
        ENVIRONMENTS.mkdir(exist_ok=True)
        (ENVIRONMENTS / ".gitignore").write_text("*\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(python.parents[1])], check=True)
        install = [str(python), "-m", "pip", "install", "-qq", "-r", str(wanted)]
        subprocess.run(install, check=True)
        shutil.copy(wanted, mark)
    return str(python)


def drive(lab: Lab, python: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run one of the peers' own scripts to its end and give what it printed."""
    done = subprocess.run(
        [python, "drive.py", *words],
        cwd=PEERS,
        env={**os.environ, "BENCH_REDIS": lab.url, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise Unmeasured(f"its driver failed: {' | '.join(done.stderr.splitlines()[-2:])[-300:]}")
    return done.stdout


def ask(lab: Lab, python: str, module: str, count: int, environment: Mapping[str, str]) -> list[float]:
    """Give the seconds of a peer's submits to their results."""
    seconds: list[float] = json.loads(drive(lab, python, [module, "ask", str(count)], environment))
    return seconds


def port() -> int:
    """Find a free port."""
    return free_port()
