"""When a client should read a job again: the ``Retry-After`` of jobs that have not finished."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from jobline.domain.record import Record

RETRY_AFTER_S = 1
#: A job that is due in an hour need not be read every second, and one due tomorrow not only tomorrow.
MAX_RETRY_AFTER_S = 3600


def retry_after_s(record: Record) -> int:
    """Return the seconds after which it is worth reading the job again."""
    if record.run_at is None:
        return RETRY_AFTER_S
    left = (record.run_at - datetime.now(UTC)).total_seconds()
    return max(RETRY_AFTER_S, min(math.ceil(left), MAX_RETRY_AFTER_S))
