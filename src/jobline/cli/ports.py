"""TCP ports of this machine: whether one can be listened on."""

from __future__ import annotations

import errno
import socket

from jobline.cli.hints import port_words
from jobline.domain.errors import JoblineError

#: Where everything listens unless it is told otherwise.
HOST = "127.0.0.1"


class PortUnusable(JoblineError):
    """The TCP port cannot be listened on; the message says why."""


def check_port(host: str, port: int) -> None:
    """Raise PortUnusable when the port cannot be listened on, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise PortUnusable(
                f"port {port} on {host} {reason}; choose another with {port_words()}"
            ) from None


def is_free(port: int) -> bool:
    """Return whether a loopback port can be listened on."""
    try:
        check_port(HOST, port)
    except PortUnusable:
        return False
    return True
