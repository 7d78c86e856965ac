"""The ID of each request: a random number for the process, and a count. It is no secret."""

from __future__ import annotations

import itertools
import secrets

PROCESS_ID = secrets.token_hex(4).encode()
COUNTER = itertools.count()


def make_request_id() -> bytes:
    """Return a new ID."""
    return b"%b%08x" % (PROCESS_ID, next(COUNTER))
