"""Points in time, as clients write them (RFC 3339) and as the ledger orders jobs (microseconds)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last second of 9999 is left out, so that rounding stays within the year.
END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def check_form(value: object) -> object:
    """Refuse numbers and times without a zone, which pydantic alone would accept; raises ValueError."""
    if isinstance(value, datetime) or (isinstance(value, str) and RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a date and time with a time zone (RFC 3339), like 2027-01-01T00:00:00Z")


def check_range(time: datetime) -> datetime:
    """Refuse times outside the years that every program reads, in UTC; raises ValueError."""
    if not timedelta(0) <= time - EPOCH < END - EPOCH:  # a conversion to UTC would overflow
        raise ValueError("must be within the years 1970 to 9999, in UTC")
    return time


#: The type of every time in a request. A plain number is refused: it could be seconds or milliseconds.
Timestamp = Annotated[AwareDatetime, BeforeValidator(check_form), AfterValidator(check_range)]


def to_microseconds(time: datetime | None) -> int | None:
    """Return the microseconds since 1970, the unit of the ledger's order."""
    return None if time is None else (time - EPOCH) // MICROSECOND
