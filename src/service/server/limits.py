"""What all connections of one process may use together: file descriptors and memory."""

from __future__ import annotations

import resource
from dataclasses import dataclass

#: Descriptors that are no client's: Redis, logs, the listener, the loop, libraries.
RESERVED_DESCRIPTORS = 128
#: Each connection may have one file open: an upload, or a download.
DESCRIPTORS_EACH = 2
#: Connections above the limit that are told so; further ones are reset.
MAX_REFUSED = 64
#: What requests that wait behind others on their connections may take, in all connections together.
MAX_HELD_BYTES = 64 << 20
#: More is never asked of the system: some refuse what they allow by name.
MOST_DESCRIPTORS = 1 << 20


@dataclass(slots=True)
class Limits:
    """The limits of one process, and what is in use."""

    max_connections: int
    held_bytes: int = 0

    @classmethod
    def of_process(cls) -> Limits:
        """Return limits that the descriptors of this process allow, after raising their soft limit."""
        return cls(max(1, (raise_descriptors() - RESERVED_DESCRIPTORS) // DESCRIPTORS_EACH))


def raise_descriptors() -> int:
    """Raise the soft limit of open files to the hard one, and return what then holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft not in {resource.RLIM_INFINITY, wanted} and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS names no limit, and has one
            return soft
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
