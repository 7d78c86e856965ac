"""A moment as clients write it: RFC 3339, with its zone, and no number of seconds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


def check_form(value: object) -> object:
    """Refuse what is no date and time in words."""
    if isinstance(value, datetime) or (isinstance(value, str) and RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be a date and time with its zone (RFC 3339), like 2027-01-01T00:00:00Z")


Moment = Annotated[AwareDatetime, BeforeValidator(check_form)]
