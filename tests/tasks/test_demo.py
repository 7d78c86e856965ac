from __future__ import annotations

from typing import Any

import pytest

from jobline import JobContext, TaskError
from jobline.tasks.demo import Countdown, countdown


class Clock:
    """Stand for the time module, without waiting."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr("jobline.tasks.demo.time", stopped)
    return stopped


def test_countdown_tells_each_second(job: JobContext, port: Any, clock: Clock) -> None:
    made = countdown(Countdown(seconds=3), job)

    assert made.counted == 3
    assert made.attempts == 1
    assert [(report["done"], report["total"], report["unit"]) for report in port.reports] == [
        (0, 3, "s"),
        (1, 3, "s"),
        (2, 3, "s"),
        (3, 3, "s"),
    ]
    assert clock.now == pytest.approx(3)


def test_cancelled_countdown_stops_within_a_slice(job: JobContext, port: Any, clock: Clock) -> None:
    def cancel_at_two(port: Any) -> None:
        port.cancelled = port.reports[-1]["done"] == 2

    port.on_report = cancel_at_two
    assert countdown(Countdown(seconds=100), job).counted == 2
    assert clock.now == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("fail_at", [0, 2, 3])
def test_countdown_fails_for_good_when_asked(job: JobContext, fail_at: int, clock: Clock) -> None:
    with pytest.raises(TaskError) as caught:
        countdown(Countdown(seconds=3, fail_at=fail_at), job)
    assert caught.value.code == "demo.asked_to_fail"
    assert not caught.value.retryable
    assert clock.now == pytest.approx(fail_at)


def test_flaky_countdown_succeeds_after_its_flaky_attempts(port: Any) -> None:
    for attempt in (1, 2):
        with pytest.raises(TaskError) as caught:
            countdown(Countdown(seconds=1, flaky_attempts=2), JobContext("job", attempt, 5, port))
        assert caught.value.code == "demo.flaky"
        assert caught.value.retryable
    assert countdown(Countdown(seconds=1, flaky_attempts=2), JobContext("job", 3, 5, port)).attempts == 3


def test_retries_of_the_countdown_come_soon() -> None:
    waits = [countdown.retry.delay_s(attempt) for attempt in range(1, countdown.max_attempts)]
    assert len(waits) == 4
    assert max(waits) <= 2


@pytest.mark.parametrize("seconds", [0, 3601, 1.5, "x"])
def test_countdown_takes_whole_seconds_up_to_an_hour(seconds: object) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Countdown.model_validate({"seconds": seconds})
