"""A bound of log lines: clients choose paths and headers, and what they choose must not fill the disk."""

from __future__ import annotations

import logging

MAX_ARGUMENT = 500
#: The loggers whose lines quote requests.
QUOTING = ("jobline.service", "jobline.events", "uvicorn.access", "uvicorn.error")


class BoundedArguments(logging.Filter):
    """Cuts the texts that are put into a log line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Cut the arguments of a record; every record passes."""
        if isinstance(record.args, tuple):
            record.args = tuple(cut(part) for part in record.args)
        return True


def cut(part: object) -> object:
    """Return a text of at most `MAX_ARGUMENT` characters, and anything else unchanged."""
    return f"{part[:MAX_ARGUMENT]}…" if isinstance(part, str) and len(part) > MAX_ARGUMENT else part


def bound_log_lines() -> None:
    """Bound what the service logs about requests."""
    for name in QUOTING:
        logger = logging.getLogger(name)
        if not any(isinstance(one, BoundedArguments) for one in logger.filters):
            logger.addFilter(BoundedArguments())
