from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobline.domain.record import Failure, Record, Unreadable, moment
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
    with pytest.raises(Unreadable):
        Record.read("1", [*flatten(FLAT), b"input"])


@pytest.mark.parametrize("ms", [b"300000000000000", b"-1", 10**30])
def test_time_beyond_the_calendar_is_the_nearest_within(ms: bytes | int) -> None:
    """Reading a job never fails on its times."""
    assert moment(ms).year in {1970, 9999}


@pytest.mark.parametrize(
    "damage",
    [
        {b"partition": b"x"}, {b"state": b"DONE"}, {b"stamp": b"?"}, {b"error": b"{"}, {b"error": b"{}"},
        {b"error": b"[]"},
        {b"tags": b"5"}, {b"run_at": b"soon"}, {b"partition": b"\xff:a:b"}, {b"retry_of": b"\xff"},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_record_is_told_apart(damage: dict[bytes, bytes]) -> None:
    """It is one kind of error, which lists skip, and which is the answer for this job alone."""
    with pytest.raises(Unreadable, match="'id-1' is damaged"):
        Record.read("id-1", flatten(FLAT | damage))


def test_record_of_any_stamp_has_a_time_of_creation() -> None:
    assert Record.read("id-1", flatten(FLAT | {b"stamp": b"9" * 30})).created_at.year == 9999
