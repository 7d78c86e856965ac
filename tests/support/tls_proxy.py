"""A Redis behind TLS: a proxy with a certificate authority of its own, which records plaintext."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536
HANDSHAKE = 0x16  # the first byte of TLS


class Authority:
    """A certificate authority with one server certificate, for 127.0.0.1 and localhost."""

    def __init__(self, directory: Path, names: str = "IP:127.0.0.1,DNS:localhost") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.file, key = directory / "ca.pem", directory / "ca.key"
        self.certificate, self.key = directory / "server.pem", directory / "server.key"
        request, extensions = directory / "server.csr", directory / "server.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        run_openssl(
            *new, "-x509", "-days", "2", "-subj", "/CN=test", "-keyout", str(key), "-out", str(self.file)
        )
        run_openssl(*new, "-subj", "/CN=redis", "-keyout", str(self.key), "-out", str(request))
        run_openssl(
            "x509", "-req", "-days", "2", "-in", str(request), "-CA", str(self.file), "-CAkey", str(key),
            "-CAcreateserial", "-extfile", str(extensions), "-out", str(self.certificate),
        )  # fmt: skip


def run_openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    assert program, "the tests of TLS need the program openssl"
    subprocess.run([program, *arguments], check=True, capture_output=True)


class TlsProxy:
    """A TLS server on loopback before a Redis. ``plaintext`` has what came without TLS."""

    def __init__(self, url: str, authority: Authority) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 6379)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.certificate, authority.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.plaintext: list[bytes] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close every connection."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            first = client.recv(1, socket.MSG_PEEK)
            if first and first[0] != HANDSHAKE:
                self.plaintext.append(client.recv(CHUNK))
                client.close()
                return
            secured = self._context.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._target)
            self._open += [secured, server]
            threading.Thread(target=pass_on, args=(server, secured), daemon=True).start()
            pass_on(secured, server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Forward bytes until one side ends, then end both."""
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
