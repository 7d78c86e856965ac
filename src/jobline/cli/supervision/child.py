"""One child process, started again whenever it ends until it is stopped. Nothing of Jobline's own enters.

Its end is found by ``poll`` and not by the event loop's own subprocess support, which also waits for the
pipes: the children of a killed worker may keep those open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobline.cli.embedded import bind_to_parent
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.pid_file import PidFile

POLL_S = 0.05
CHUNK = 65_536
FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 10.0
#: A child that ran this long starts again after the shortest wait.
PROVEN_S = 20.0


@dataclass(frozen=True)
class Spec:
    """How to start one child (the first word is an absolute path), and how long its stop may take."""

    name: str
    command: tuple[str, ...]
    grace_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()


class Child:
    """One process that is kept alive; used from one event loop, on a thread that outlives the process."""

    def __init__(self, spec: Spec, pids: PidFile, console: Console) -> None:
        self.spec = spec
        self._pids = pids
        self._console = console
        self._start()
        self._keeper = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int:
        """The pid of the process that runs now, or ran last."""
        return self._process.pid

    def retire(self) -> None:
        """Leave the process alone, and start no other after it."""
        self._keeper.cancel()

    async def restart(self) -> None:
        """End the process as `stop` does, and start the next one."""
        await self.stop()
        self._start()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the process with SIGTERM, its whole group with SIGKILL after the grace time; safe to cancel."""
        self.retire()
        try:
            if self._process.poll() is None:
                self._process.terminate()
                await asyncio.wait_for(self._ended(), self.spec.grace_s)
        except TimeoutError:
            self._say(f"did not stop in {self.spec.grace_s:g} s: killed")
        finally:
            self.kill()

    def kill(self) -> None:
        """End the whole group at once."""
        self.retire()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._pids.sweep(self.spec.name)

    async def _ended(self) -> None:
        while self._process.poll() is None:  # noqa: ASYNC110 - the head of this module says why
            await asyncio.sleep(POLL_S)

    async def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            await self._ended()
            self._pids.sweep(self.spec.name)
            if time.monotonic() - self._started > PROVEN_S:
                wait_s = FIRST_WAIT_S
            self._say(
                f"ended unexpectedly ({describe(self._process.returncode)}); starts again in {wait_s:g} s"
            )
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            self._start()

    def _start(self) -> None:
        self._process = self._spawn()
        self._started = time.monotonic()

    def _spawn(self) -> subprocess.Popen[bytes]:
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(
                bind_to_parent(self.spec.command),
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.spec.environment, **self._pids.environment},
                start_new_session=True,
                pass_fds=self.spec.pass_fds,
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._pids.add(self.spec.name, process.pid)
        Pump(reader, self.spec.name, self._console).start()
        return process

    def _say(self, text: str) -> None:
        self._console.say_own(f"{self.spec.name} {text}")


class Pump:
    """Copies the lines of a pipe to the console until the pipe ends."""

    def __init__(self, fd: int, name: str, console: Console) -> None:
        self._fd = fd
        self._name = name
        self._console = console
        self._rest = b""

    def start(self) -> None:
        """Read the pipe whenever it has something."""
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        whole, newline, self._rest = (self._rest + data).rpartition(b"\n")
        if not data or len(self._rest) > CHUNK:
            whole, self._rest = whole + newline + self._rest, b""
        if whole:
            self._console.say(self._name, whole.decode(errors="replace"))
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)


def describe(status: int) -> str:
    """Return how a process ended, in words."""
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
