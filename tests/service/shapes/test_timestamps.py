from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from jobline.service.shapes.timestamps import Timestamp, to_microseconds

ADAPTER: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@pytest.mark.parametrize(
    "text", ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00", "2027-01-01t00:00:00.000z"]
)
def test_rfc_3339_is_a_timestamp(text: str) -> None:
    assert ADAPTER.validate_python(text) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59.5Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_time_that_is_in_no_year_of_every_program_is_refused(text: str) -> None:
    """The first of these was stored, and then no list of the tenant's jobs could be read."""
    with pytest.raises(ValidationError, match="within the years 1970 to 9999"):
        ADAPTER.validate_python(text)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:58.999999Z", "1970-01-01T00:00:00Z", "9999-12-31T12:00:00+14:00"]
)
def test_time_at_the_ends_of_the_range_is_taken(text: str) -> None:
    assert to_microseconds(ADAPTER.validate_python(text)) is not None


@pytest.mark.parametrize("value", ["0.5", "5", 5, 0.5, True, "2027-01-01", "2027-01-01T00:00:00", "now", ""])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(value)
