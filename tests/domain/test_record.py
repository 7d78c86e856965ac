from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobline.domain.record import Failure, Record, moment
from jobline.domain.state import State

FLAT = {
    b"state": b"PENDING",
    b"partition": b"public:a.b:q",
    b"stamp": b"1800000000123456",
    b"priority": b"5",
    b"max_attempts": b"3",
}


def flatten(fields: dict[bytes, bytes]) -> list[bytes]:
    return [word for pair in fields.items() for word in pair]


@given(some.builds(Failure))
def test_failure_reads_what_it_wrote(failure: Failure) -> None:
    again = Failure.loads(failure.dumps())
    assert again == failure or (failure.traceback == "" and again.traceback is None)


def test_least_record_is_read() -> None:
    record = Record.read("1", flatten(FLAT))
    assert (record.tenant, record.task, record.queue, record.state) == ("public", "a.b", "q", State.PENDING)
    assert (record.attempt, record.tags, record.error, record.cancel_requested) == (0, (), None, False)


def test_moment_is_aware_utc() -> None:
    assert str(moment(b"1800000000123")) == "2027-01-15 08:00:00.123000+00:00"
    assert moment(None) is None


def test_odd_list_is_no_record() -> None:
    with pytest.raises(ValueError, match="zip"):
        Record.read("1", [*flatten(FLAT), b"input"])
