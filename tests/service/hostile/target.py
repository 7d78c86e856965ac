"""A real `jobline api` to attack, and what is measured: its memory, and how long its loop stands still."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.deployment import Deployment
from tests.support.processes import Program

HOST = "127.0.0.1"
#: One request that needs no key and no Redis.
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
KB_A_MB = 1024


@dataclass
class Strain:
    """What an attack did to the process."""

    grown_mb: float = 0
    #: The longest time that another client waited for an answer.
    stalled_s: float = 0


class Target:
    """One API process, its memory and its reaction."""

    def __init__(self, deployment: Deployment, api: Program) -> None:
        self.deployment = deployment
        self.api = api
        self.port = deployment.port

    def connect(self, timeout_s: float = 20) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection((HOST, self.port), timeout_s)

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://{HOST}:{self.port}{path}"

    def talk(self, *parts: bytes, half_close: bool = False) -> bytes:
        """Send the parts, and return all that arrives until the server closes."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    @contextmanager
    def strained(self) -> Iterator[Strain]:
        """Measure the process while the block runs: its memory and the longest wait of another client."""
        strain, is_over = Strain(), threading.Event()
        before = self.api.rss_kb()

        def look() -> None:
            strain.stalled_s = max(strain.stalled_s, self.probe())
            strain.grown_mb = max(strain.grown_mb, (self.api.rss_kb() - before) / KB_A_MB)

        def watch() -> None:
            while not is_over.wait(0.02):
                look()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield strain
        finally:
            is_over.set()
            watcher.join()
            look()
            sys.stdout.write(f"{strain}\n")  # for the table in docs/access.md: pytest -s

    def probe(self) -> float:
        """Return how long a harmless request takes."""
        began = time.monotonic()
        other = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            other.request("GET", "/health/live")
            assert other.getresponse().status == http.client.OK
        finally:
            other.close()
        return time.monotonic() - began


def read_all(connection: socket.socket) -> bytes:
    """Return what arrives until the server closes; a reset ends it too."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def send_until_full(
    connection: socket.socket, data: bytes, total: int, *, within_s: float = 5, patience_s: float = 0.3
) -> int:
    """Send data over and over without reading; return how many bytes the server took before it stopped."""
    connection.settimeout(patience_s)
    sent, until = 0, time.monotonic() + within_s
    while sent < total and time.monotonic() < until:
        try:
            sent += connection.send(data)
        except TimeoutError:
            break
        except ConnectionError:
            break
    return sent


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a POST that ends its connection."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


def status_of(answer: bytes) -> int:
    """Return the status of the first response; 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
