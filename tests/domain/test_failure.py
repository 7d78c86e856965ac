from __future__ import annotations

from typing import Any

import pytest

from jobline import Model, RetryPolicy, TaskError, task
from jobline.domain.failure import MESSAGE_CHARACTERS, describe, retry_delay_s


class Nothing(Model):
    pass


@task("try.hard", max_attempts=3, retry=RetryPolicy(first_s=4, jitter=0))
def try_hard(order: Nothing) -> Nothing:
    return order


def test_traceback_keeps_the_newest_frames() -> None:
    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise ValueError("short")

    with pytest.raises(ValueError, match="short") as caught:
        deep(100)
    traceback = str(describe(caught.value, 1, 60).traceback)
    assert traceback.count("in deep") <= 20
    assert traceback.rstrip().endswith("ValueError: short")


def test_error_whose_text_cannot_be_read_is_described_all_the_same() -> None:
    class Rude(Exception):
        def __str__(self) -> str:
            raise ValueError

    assert describe(Rude(), 1, 60).message == "Rude: <its text cannot be read>"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (TaskError("a.b", "c", retryable=True), "a.b", "c"),
        (TimeoutError(), "timeout", "The attempt ran past its time limit of 0.5 s."),
        (MemoryError(), "resource.memory", "The attempt ran out of memory."),
        (ValueError("x" * 3000), "internal", ("ValueError: " + "x" * 3000)[:MESSAGE_CHARACTERS]),
    ],
)
def test_every_error_has_a_code_and_a_bounded_message(error: Exception, code: str, message: str) -> None:
    failure = describe(error, 2, 0.5)
    assert (failure.code, failure.message, failure.attempt) == (code, message, 2)
    assert failure.retryable is (code == "a.b")


@pytest.mark.parametrize(
    ("error", "delay_s"),
    [
        (ValueError(), 4),
        (TaskError("a.b", "final"), None),
        (TaskError("a.b", "by the policy", retryable=True), 4),
        (TaskError("a.b", "when the error says", retryable=True, retry_after_s=9), 9),
        (TaskError("a.b", "in the past", retryable=True, retry_after_s=-9), 0),
    ],
)
def test_next_attempt_waits_as_the_error_or_the_policy_says(error: Any, delay_s: float | None) -> None:
    assert retry_delay_s(error, try_hard, 1, 3) == delay_s
    assert retry_delay_s(error, try_hard, 3, 3) is None
