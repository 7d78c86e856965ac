"""Points in time, as clients write them (RFC 3339) and as the ledger orders jobs (microseconds)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def check_form(value: object) -> object:
    """Refuse numbers and times without a zone, which pydantic alone would accept; raises ValueError."""
    if isinstance(value, datetime) or (isinstance(value, str) and RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a date and time with a time zone (RFC 3339), like 2027-01-01T00:00:00Z")


#: The type of every time in a request. A plain number is refused: it could be seconds or milliseconds.
Timestamp = Annotated[AwareDatetime, BeforeValidator(check_form)]


def to_microseconds(time: datetime | None) -> int | None:
    """Return the microseconds since 1970, the unit of the ledger's order; times before 1970 return 0."""
    return None if time is None else max(0, (time - EPOCH) // MICROSECOND)
