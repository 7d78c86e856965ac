from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobline import JobCancelled, JobContext


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
