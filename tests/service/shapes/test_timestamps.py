from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from jobline.service.shapes.timestamps import Timestamp

ADAPTER: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@pytest.mark.parametrize(
    "text", ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00", "2027-01-01t00:00:00.000z"]
)
def test_rfc_3339_is_a_timestamp(text: str) -> None:
    assert ADAPTER.validate_python(text) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", ["0.5", "5", 5, 0.5, True, "2027-01-01", "2027-01-01T00:00:00", "now", ""])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(value)
