"""Stamps, by which the ledger orders jobs: microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_stamp(time: datetime | None) -> int | None:
    """Count a time in microseconds, as the ledger orders jobs; what lies before 1970 is 1970."""
    return None if time is None else max(0, (time - EPOCH) // MICROSECOND)
