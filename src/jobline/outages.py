"""The log while Redis is away: a line now and then, not one for each attempt to reach it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PERIOD_S = 10.0
#: What logs each attempt to reach Redis.
LOGGERS = (
    "celery.worker.consumer.consumer",
    "jobline.ledger.recorder",
    "jobline.store",
    "jobline.subscription",
    "jobline.worker.pulse",
)


class Summary(logging.Filter):
    """Lets one warning of a kind pass in a period; the next one that passes has the number of the others.

    A kind is the text before its arguments are filled in. Tracebacks always pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        #: Of each kind: when one passed, and how many have not since.
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes."""
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        kind, now = str(record.msg), self._clock()
        passed, left_out = self._seen.get(kind, (-PERIOD_S, 0))
        if now - passed < PERIOD_S:
            self._seen[kind] = passed, left_out + 1
            return False
        self._seen[kind] = now, 0
        if left_out:
            record.msg = f"{kind.rstrip()} ({left_out} more like it were left out)"
        return True


def summarise_outages() -> None:
    """Summarise what this process logs while Redis is away."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(Summary())
