"""The cost of each verb: counts of commands, which are the same on every machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import calls
from benchmarks.costs import Cost, measure, read_baseline, risen


@pytest.fixture(scope="module")
def accepted() -> dict[str, Cost]:
    return read_baseline()


def test_no_verb_costs_more_than_was_accepted(
    redis_url: str, tmp_path: Path, accepted: dict[str, Cost]
) -> None:
    found = measure(redis_url, tmp_path)

    assert risen(found, accepted) == [], "accept it by: python -m benchmarks.costs --write"
    assert found.keys() == accepted.keys()


@pytest.mark.parametrize("verb", ["submit", "claim of eight", "settle, success", "POST of a job"])
def test_hot_verbs_take_one_round_trip(verb: str, accepted: dict[str, Cost]) -> None:
    assert accepted[verb].round_trips == 1


@pytest.mark.parametrize(
    ("cost", "is_risen"),
    [(Cost(1, 20), False), (Cost(1, 22), False), (Cost(1, 23), True), (Cost(2, 20), True)],
)
def test_rise_of_more_than_a_tenth_is_reported(cost: Cost, is_risen: bool) -> None:  # noqa: FBT001 - a parameter
    assert bool(risen({"verb": cost}, {"verb": Cost(1, 20)})) is is_risen


def test_no_path_calls_more_of_python_than_was_accepted(redis_url: str, tmp_path: Path) -> None:
    python, counts = calls.read_baseline()
    found = calls.measure(redis_url, tmp_path)

    assert found.keys() == counts.keys()
    if calls.version() == python:  # others count otherwise
        assert calls.risen(found, counts) == [], "accept it by: python -m benchmarks.calls --write"


@pytest.mark.parametrize(("count", "is_risen"), [(200, False), (220, False), (221, True)])
def test_rise_of_calls_by_more_than_a_tenth_is_reported(count: int, is_risen: bool) -> None:  # noqa: FBT001 - a parameter
    assert bool(calls.risen({"path": count}, {"path": 200})) is is_risen
