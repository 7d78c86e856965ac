"""What the ledger's address means for a connection to it; no I/O."""

from __future__ import annotations


def keep_alive(url: str) -> dict[str, bool]:
    """Give the option that finds a peer which is gone; a socket file has none, and redis-py takes none."""
    return {} if url.startswith("unix://") else {"socket_keepalive": True}
