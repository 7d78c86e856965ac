from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jobline.domain.errors import JobCancelled
from jobline.worker.attempt import Attempt
from jobline.worker.resources import Resources
from tests.support.waiting import wait_until
from tests.support.worker import FakeRecorder


@pytest.fixture
def attempt(resources: Resources) -> Attempt:
    return Attempt("job-1", 1, 30_000, resources.settings.data_dir, resources.recorder)


def sent(recorder: FakeRecorder) -> list[int]:
    return [content["done"] for kind, content in recorder.reports if kind == "progress"]


def test_progress_goes_out_ten_times_a_second_and_the_last_is_never_dropped(
    attempt: Attempt, recorder: FakeRecorder
) -> None:
    begin = time.monotonic()
    number = 0
    with attempt:
        while time.monotonic() - begin < 0.55:
            number += 1
            attempt.report({"done": number})
    assert number > 100
    assert sent(recorder)[0] == 1
    assert sent(recorder)[-1] == number
    # The first at once, one each tenth of a second, and the last at the end.
    assert len(sent(recorder)) <= (time.monotonic() - begin) / 0.1 + 2


def test_delayed_progress_is_sent_by_a_timer(attempt: Attempt, recorder: FakeRecorder) -> None:
    attempt.report({"done": 1})
    attempt.report({"done": 2})
    wait_until(lambda: sent(recorder) == [1, 2], 5, "both reports are sent")


def test_no_timer_is_left_behind(attempt: Attempt, recorder: FakeRecorder) -> None:
    before = threading.active_count()
    with attempt:
        for number in range(50):
            attempt.report({"done": number})
    wait_until(lambda: threading.active_count() <= before, 5, "the timer's thread ends")
    assert sent(recorder)[-1] == 49


def test_log_lines_are_not_held_back(attempt: Attempt, recorder: FakeRecorder) -> None:
    for number in range(5):
        attempt.log("info", f"line {number}", {"path": Path("x")})
    assert [content["message"] for _, content in recorder.reports] == [
        f"line {number}" for number in range(5)
    ]
    assert recorder.reports[0][1]["fields"] == {"path": "x"}


def test_outage_of_the_ledger_loses_progress_and_never_the_attempt(
    attempt: Attempt, recorder: FakeRecorder
) -> None:
    recorder.is_down = True
    with attempt:
        attempt.report({"done": 1})
        attempt.log("info", "x", {})
        attempt._checked = float("-inf")
        assert not attempt.is_cancelled()
    assert recorder.reports == []


def test_cancel_is_seen_with_the_next_report(attempt: Attempt, recorder: FakeRecorder) -> None:
    assert not attempt.is_cancelled()
    recorder.cancelled = ["job-1"]
    assert not attempt.is_cancelled(), "it has looked just now"
    attempt.report({"done": 1})
    assert attempt.is_cancelled()


def test_cancel_is_checked_without_reports_too(attempt: Attempt, recorder: FakeRecorder) -> None:
    recorder.cancelled = ["job-1"]
    wait_until(attempt.is_cancelled, 5, "the cancel is seen")


def test_attempt_that_lost_its_lease_is_stopped(attempt: Attempt, recorder: FakeRecorder) -> None:
    recorder.lost = ["job-1"]
    attempt.report({"done": 1})
    with pytest.raises(JobCancelled):
        attempt.is_cancelled()


def test_check_costs_a_round_trip_at_most_twice_a_second(attempt: Attempt, recorder: FakeRecorder) -> None:
    asked: list[Any] = []
    run = recorder.run

    def count(command: Any) -> Any:
        asked.append(command)
        return run(command)

    recorder.run = count  # type: ignore[method-assign]
    begin = time.monotonic()
    while time.monotonic() - begin < 0.3:
        attempt.is_cancelled()
    assert len(asked) <= 1
