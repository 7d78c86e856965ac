from __future__ import annotations

import math
from typing import Any, cast

import pytest

from jobline import Model, RetryPolicy, TaskError, task
from jobline.domain.errors import TimeLimitReached
from jobline.domain.failure import MESSAGE_CHARACTERS, describe, retry_delay_s
from jobline.domain.record import Failure
from jobline.domain.submission import MAX_DELAY_S


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
    assert describe(Rude(), 1, 60).message == "Rude: <a Rude whose text cannot be read>"


class Rude(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a \ud800 b"),
        TaskError("a.\udcff", "a \ud800 b", retryable=True),
        TaskError("a.b", cast("str", ValueError("an exception")), retryable=True),
        TaskError("a.b", cast("str", Rude()), retryable=True),
        TaskError(cast("str", 5), cast("str", None), retryable=True, retry_after_s=math.inf),
    ],
)
def test_error_of_any_text_is_kept_and_retried(error: Exception) -> None:
    """Otherwise another error takes its place, and the attempt is not repeated."""
    with pytest.raises(type(error)) as caught:
        raise error
    failure = describe(caught.value, 1, 60)
    for text in (failure.code, failure.message, failure.traceback or ""):
        text.encode()
    assert Failure.loads(failure.dumps()) == failure
    assert retry_delay_s(error, try_hard, 1, 3) == 4


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (TaskError("a.b", "c", retryable=True), "a.b", "c"),
        (TimeLimitReached(), "timeout", "The attempt ran past its time limit of 0.5 s."),
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
        (TaskError("a.b", "after ten years", retryable=True, retry_after_s=3e11), MAX_DELAY_S),
        (TaskError("a.b", "never", retryable=True, retry_after_s=math.inf), 4),
        (TaskError("a.b", "no number", retryable=True, retry_after_s=math.nan), 4),
        (TaskError("a.b", "a header's text", retryable=True, retry_after_s=cast("Any", "9")), 9),
        (TaskError("a.b", "a date", retryable=True, retry_after_s=cast("Any", "Mon, 30 Nov")), 4),
    ],
)
def test_next_attempt_waits_as_the_error_or_the_policy_says(error: Any, delay_s: float | None) -> None:
    assert retry_delay_s(error, try_hard, 1, 3) == delay_s
    assert retry_delay_s(error, try_hard, 3, 3) is None
