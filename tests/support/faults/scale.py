"""The two forms of the suite: full (`make faults`), and the short one of `make test`.

A row asserts the same in both. What differs is how long a fault lasts, how often it comes, and the lease, to
which most promises are relative.
"""

from __future__ import annotations

import os
import time
from typing import TypeVar

T = TypeVar("T")
IS_FULL = os.environ.get("FAULTS") == "full"


def pick(full: T, short: T) -> T:
    """Return the size of a fault for the form of the suite."""
    return full if IS_FULL else short


#: Seconds.
LEASE_S = pick(10.0, 3.0)
#: Invariant 3: the time within which a job starts again after its worker died.
TAKEOVER_S = LEASE_S + 5.0
#: The time that a stopping worker gives its jobs to end.
STOP_GRACE_S = pick(5.0, 1.0)


def hold(seconds: float) -> None:
    """Let a fault last. Never use this to wait for an effect."""
    time.sleep(seconds)
