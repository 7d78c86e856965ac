from __future__ import annotations

import pytest

from jobline import State
from jobline.tasks.demo import Countdown, countdown
from jobline.testing import run


class Clock:
    """A stand-in for the time module that does not wait."""

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


def test_countdown_tells_each_second(clock: Clock) -> None:
    outcome = run(countdown, Countdown(seconds=3))

    assert outcome.result.counted == 3
    assert outcome.result.attempts == 1
    assert [report[:3] for report in outcome.progress] == [(0, 3, "s"), (1, 3, "s"), (2, 3, "s"), (3, 3, "s")]
    assert clock.now == pytest.approx(3)


def test_cancelled_countdown_stops_within_a_slice(clock: Clock) -> None:
    outcome = run(countdown, Countdown(seconds=100), cancel_after=3)

    assert outcome.state is State.REVOKED
    assert [report.done for report in outcome.progress] == [0, 1, 2]
    assert clock.now == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("fail_at", [0, 2, 3])
def test_countdown_fails_for_good_when_asked(fail_at: int, clock: Clock) -> None:
    outcome = run(countdown, Countdown(seconds=3, fail_at=fail_at))

    assert outcome.state is State.FAILURE
    assert outcome.error
    assert outcome.error.code == "demo.asked_to_fail"
    assert clock.now == pytest.approx(fail_at)


def test_flaky_countdown_succeeds_after_its_flaky_attempts() -> None:
    order = Countdown(seconds=1, flaky_attempts=2)
    for attempt in (1, 2):
        outcome = run(countdown, order, attempt=attempt)
        assert outcome.state is State.RETRY
        assert outcome.error
        assert outcome.error.code == "demo.flaky"
    assert run(countdown, order, attempt=3).result.attempts == 3


def test_retries_of_the_countdown_come_soon() -> None:
    waits = [countdown.retry.delay_s(attempt) for attempt in range(1, countdown.max_attempts)]
    assert len(waits) == 4
    assert max(waits) <= 2


@pytest.mark.parametrize("seconds", [0, 3601, 1.5, "x"])
def test_countdown_takes_whole_seconds_up_to_an_hour(seconds: object) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Countdown.model_validate({"seconds": seconds})
