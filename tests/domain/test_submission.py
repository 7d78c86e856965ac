from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobline.domain.state import State
from jobline.domain.submission import Submission, digest

parts = some.lists(some.text(max_size=4) | some.binary(max_size=4), max_size=4)


def as_bytes(words: list[str | bytes]) -> list[bytes]:
    return [word.encode() if isinstance(word, str) else word for word in words]


@given(parts, parts)
def test_digests_are_equal_for_equal_parts_alone(one: list[str | bytes], other: list[str | bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (as_bytes(one) == as_bytes(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), (("",), ()), (("a\x00", "b"), ("a", "\x00b"))],
)
def test_digest_knows_where_a_part_ends(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert digest(*one) != digest(*other)


def test_digest_holds_from_process_to_process() -> None:
    assert digest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert len(digest("a", b"b")) == 64


def make(**more: Any) -> Submission:
    return Submission(
        id="1", tenant="public", task="a.b", queue="q", input=b"{}", max_attempts=3, timeout_ms=1000, **more
    )


def test_place_names_tenant_task_and_queue() -> None:
    assert make().partition == "public:a.b:q"


def test_record_is_made_without_reading_it_back() -> None:
    record = make(expires_in_ms=5000).as_record(1_800_000_000_123_456, b"1800000001000")
    assert record.state is State.PENDING
    assert record.created_at.isoformat() == "2027-01-15T08:00:00.123456+00:00"
    assert record.run_at is not None
    assert record.run_at.timestamp() == 1_800_000_001
    assert record.start_by is not None
    assert record.start_by.isoformat() == "2027-01-15T08:00:05.123000+00:00"


def test_submission_is_frozen() -> None:
    with pytest.raises(AttributeError):
        make().priority = 9  # type: ignore[misc]
