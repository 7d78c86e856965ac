from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest

from jobline import JobCancelled, JobContext


class Scalar:
    """A number as numpy has them: neither an int nor a float, and plain by ``item()``."""

    def __init__(self, value: float) -> None:
        self.value = value

    def item(self) -> float:
        return self.value

    def __float__(self) -> float:
        return float(self.value)


class Port:
    """A stand-in for the worker."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cancelled = False
        self.told: list[Any] = []

    def report(self, progress: dict[str, Any]) -> None:
        self.told.append(progress)

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        self.told.append((level, message, fields))

    def is_cancelled(self) -> bool:
        return self.cancelled

    def fetch(self, file_id: str) -> Path:
        return self.directory / file_id

    def artifact_path(self, name: str) -> tuple[str, Path]:
        return "art_1", self.directory / name


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return Port(tmp_path)


@pytest.fixture
def job(port: Port) -> JobContext:
    return JobContext("j", 1, 3, port)


def test_progress_and_log_reach_the_port(job: JobContext, port: Port) -> None:
    job.progress(1, 2, unit="s", message="half")
    job.progress(2)
    job.log("hello", level="warning", size=3)
    assert port.told == [
        {"done": 1, "total": 2, "unit": "s", "message": "half"},
        {"done": 2, "total": None, "unit": "", "message": ""},
        ("warning", "hello", {"size": 3}),
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (float("nan"), None), (math.inf, None), (10**400, None), ("x", None), (object(), None), ([1], None),
        (Decimal("1.5"), 1.5), (Fraction(1, 2), 0.5), ("2.5", 2.5), (3, 3),
        (Scalar(4), 4), (Scalar(0.5), 0.5),
        (Scalar(math.nan), None),
    ],
)  # fmt: skip
def test_progress_is_a_finite_number_or_null(job: JobContext, port: Port, given: Any, told: Any) -> None:
    """NaN made the job's whole JSON invalid, and numbers of other libraries reached clients as text."""
    job.progress(given, given, unit=cast("str", 5), message="a \ud800 b")
    (report,) = port.told
    assert report == {"done": told, "total": told, "unit": "5", "message": "a \\ud800 b"}
    json.dumps(report, allow_nan=False)


class Rude:
    def __str__(self) -> str:
        raise ValueError

    __repr__ = __str__


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (math.nan, None), ({"a": [math.inf, 1, True, None]}, {"a": [None, 1, True, None]}),
        ("\udcff", "\\udcff"), ({"\ud800": 1, 2: 3}, {"\\ud800": 1, "2": 3}), (Decimal("0.1"), "0.1"),
        (Scalar(3), 3), (b"\xff", "b'\\xff'"), (Rude(), "<a Rude whose text cannot be read>"),
    ],
)  # fmt: skip
def test_fields_of_a_log_line_are_json(job: JobContext, port: Port, given: Any, told: Any) -> None:
    """A log line never ends the attempt, and never makes a stream that no client can read."""
    job.log("a \ud800 b", size=given)
    assert port.told == [("info", "a \\ud800 b", {"size": told})]


def test_field_that_holds_itself_is_cut(job: JobContext, port: Port) -> None:
    job.log("round", loop=LOOP)
    json.dumps(port.told, allow_nan=False)


def test_progress_is_where_a_cancelled_job_stops(job: JobContext, port: Port) -> None:
    port.cancelled = True
    with pytest.raises(JobCancelled):
        job.progress(1)
    assert not job.observed_cancel
    assert port.told == []


def test_task_that_has_seen_the_cancel_may_still_tell(job: JobContext, port: Port) -> None:
    port.cancelled = True
    assert job.cancelled
    job.progress(1)
    assert len(port.told) == 1
    assert job.observed_cancel


def test_looking_before_a_cancel_observes_nothing(job: JobContext) -> None:
    assert not job.cancelled
    assert not job.observed_cancel


def test_cancel_is_not_an_exception_that_a_task_may_catch_by_accident() -> None:
    assert not issubclass(JobCancelled, Exception)


def test_artifact_is_written_like_a_path(job: JobContext, tmp_path: Path) -> None:
    made = job.artifact("a.txt")
    made.write_text("ä")
    assert Path(made).read_text(encoding="utf-8") == "ä"
    made.write_bytes(b"1")
    with made as stream:
        stream.write(b"2")
    with made.open("ab") as stream:
        stream.write(b"3")
    assert (tmp_path / "a.txt").read_bytes() == b"23"
    assert (made.id, made.name, str(made)) == ("art_1", "a.txt", str(tmp_path / "a.txt"))


def test_file_is_a_local_path(job: JobContext, tmp_path: Path) -> None:
    assert job.file("file_1") == tmp_path / "file_1"
