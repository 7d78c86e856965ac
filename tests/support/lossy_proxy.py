"""A proxy before Redis that drops one reply, as a connection that breaks at the wrong moment does."""

from __future__ import annotations

import contextlib
import socket
import threading
from selectors import EVENT_READ, DefaultSelector
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65_536


class LossyProxy:
    """A proxy that forwards everything except the first reply with the watched words."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self._words = b""
        self._breaks = True
        #: Set when the reply was dropped.
        self.has_dropped = threading.Event()
        self._stop, self._stopped = socket.socketpair()
        self._ends = DefaultSelector()
        for end in (self._listener, self._stopped):
            self._ends.register(end, EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def watch(self, words: bytes, *, breaks: bool = True) -> None:
        """Drop the next reply that contains these words; the connection breaks, or stays silent."""
        self._breaks = breaks
        self._words = words

    def close(self) -> None:
        """Close every connection."""
        self._stop.close()
        self._thread.join()
        for key in list(self._ends.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr] # a socket
        self._ends.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._ends.select():
                if key.fileobj is self._stopped:
                    return
                if key.fileobj is self._listener:
                    self._connect()
                elif key.fd in self._ends.get_map():  # its other end may have closed both just now
                    self._pass_on(*key.data)

    def _connect(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        self._ends.register(client, EVENT_READ, (client, server, False))
        self._ends.register(server, EVENT_READ, (server, client, True))

    def _pass_on(self, source: socket.socket, sink: socket.socket, are_replies: bool) -> None:  # noqa: FBT001
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(CHUNK)
        if are_replies and self._words and self._words in data:
            self._words = b""
            self.has_dropped.set()
            if not self._breaks:
                return
            data = b""
        with contextlib.suppress(OSError):
            if data:
                sink.sendall(data)
                return
        for end in (source, sink):
            self._ends.unregister(end)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
