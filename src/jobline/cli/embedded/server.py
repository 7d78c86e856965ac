"""Starts one Redis server, waits until it answers, and stops it by its pid. No key and no script enters.

Why these options: the ledger is the only copy of a job, so the AOF is on and nothing is evicted; a server
for development is reachable on loopback alone.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Self

from jobline.cli.embedded.allocator import server_environment
from jobline.cli.embedded.binary import find_server
from jobline.cli.embedded.lock import DirectoryLock
from jobline.cli.embedded.parent_death import bind_to_parent
from jobline.domain.errors import JoblineError

HOST = "127.0.0.1"
LOCK_NAME = "redis.lock"
LOG_NAME = "redis.log"
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.01
#: A free port may be taken by another process before the server binds it.
PORT_TRIES = 5
#: A rewrite takes a core for as long as the data is big; a log of this size loads in 3 s (90 MB/s, measured).
REWRITE_FROM = "256mb"
PORT_TAKEN = "bind: Address already in use"


class RedisFailed(JoblineError):
    """The server did not start; the message has the last lines of its log."""


class EmbeddedRedis:
    """A real Redis in a directory of its own, on loopback, with AOF.

    ``port=0`` takes a free one at the first start and keeps it, so ``kill`` or ``stop``, then ``start``, is a
    restart with the same URL and data. Start it from a thread that outlives it
    (``jobline.cli.embedded.parent_death`` says why). Usable as a context manager; not thread-safe.
    """

    def __init__(self, directory: Path | str, port: int = 0) -> None:
        self.directory = Path(directory).absolute()
        self._port = port
        self._has_fixed_port = port != 0
        self._lock = DirectoryLock(self.directory, LOCK_NAME)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The TCP port; 0 before the first start with a free one."""
        return self._port

    @property
    def url(self) -> str:
        """The URL for clients, database 0."""
        return f"redis://{HOST}:{self._port}/0"

    @property
    def pid(self) -> int:
        """The pid of the server; raises RedisFailed before the first start."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether the process of the server runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and return when it answers PING with its data loaded; does nothing while it runs.

        Raises ServerMissing, DirectoryLocked, or RedisFailed when it does not answer within 15 s.
        """
        if self.is_running:
            return
        binary = find_server()
        self._lock.acquire()
        try:
            self._start_on_a_port(binary)
        except BaseException:
            self.kill()
            self._lock.release()
            raise
        self._lock.note(self.pid)

    def stop(self) -> None:
        """Stop with SIGTERM, so that the AOF is flushed, and with SIGKILL after 5 s; idempotent."""
        if self._process is not None and self.is_running:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._lock.release()

    def kill(self) -> None:
        """End the server as a crash would, by SIGKILL; ``start`` restores it with the data of the AOF."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_on_a_port(self, binary: Path) -> None:
        tries = 1 if self._has_fixed_port else PORT_TRIES
        for left in reversed(range(tries)):
            if not self._has_fixed_port:
                self._port = free_port()
            try:
                self._launch(binary)
            except RedisFailed as error:
                if left and PORT_TAKEN in str(error):
                    continue
                raise
            self._has_fixed_port = True
            return

    def _launch(self, binary: Path) -> None:
        log = self.directory / LOG_NAME
        with log.open("wb") as output:
            command = server_command(binary, self.directory, self._port)
            self._process = spawn(command, output, self._lock.fd)
        deadline = time.monotonic() + START_TIMEOUT_S
        while answering_pid(self._port) != self._process.pid:
            if self._process.poll() is not None:
                raise RedisFailed(f"{binary} ended with status {self._process.returncode}: {tail(log)}")
            if time.monotonic() > deadline:
                raise RedisFailed(
                    f"{binary} did not answer on {self.url} in {START_TIMEOUT_S} s: {tail(log)}"
                )
            time.sleep(POLL_S)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RedisFailed("the embedded Redis was not started")
        return self._process


def server_command(binary: Path, directory: Path, port: int, *, loglevel: str = "notice") -> list[str]:
    """Return the command that serves ``directory`` on loopback and logs to standard output."""
    options = {
        "bind": HOST,
        "port": str(port),
        "dir": str(directory),
        "daemonize": "no",
        "loglevel": loglevel,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "auto-aof-rewrite-min-size": REWRITE_FROM,
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]


def spawn(command: list[str], output: IO[bytes], lock_fd: int) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C does not reach it, bound to this process."""
    return subprocess.Popen(
        bind_to_parent(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env={**os.environ, **server_environment()},
        start_new_session=True,
        pass_fds=(lock_fd,),
    )


def answering_pid(port: int) -> int | None:
    """Return the pid of the Redis that answers PING on a loopback port; None if there is none yet."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            lines = connection.makefile("rb").read().split(b"\r\n")
    except OSError:
        return None
    if lines[0] != b"+PONG":  # -LOADING while the AOF is read
        return None
    return next((int(line[11:]) for line in lines if line.startswith(b"process_id:")), None)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def tail(path: Path, lines: int = 5) -> str:
    """Return the last lines of a log as one line."""
    return " | ".join(path.read_text(errors="replace").splitlines()[-lines:])
