from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import ValidationError

from jobline import RetryPolicy, TaskError
from jobline.domain.errors import TimeLimitReached
from jobline.domain.retry import NO_RETRY

policies = some.builds(
    RetryPolicy,
    first_s=some.floats(0, 86_400),
    factor=some.floats(1, 10),
    max_s=some.floats(0.001, 86_400),
    jitter=some.floats(0, 1),
)
attempts = some.integers(1, 100)
draws = some.floats(0, 1, exclude_max=True)


@given(policies, attempts, draws)
def test_delay_is_never_negative_nor_above_the_limit(policy: RetryPolicy, attempt: int, draw: float) -> None:
    assert 0 <= policy.delay_s(attempt, draw) <= policy.max_s


@given(policies, attempts, draws)
def test_jitter_takes_at_most_its_part(policy: RetryPolicy, attempt: int, draw: float) -> None:
    whole = policy.delay_s(attempt, 0.0)
    assert policy.delay_s(attempt, draw) >= whole * (1 - policy.jitter) * 0.999_999


@given(policies, attempts)
def test_delay_never_shrinks_from_attempt_to_attempt(policy: RetryPolicy, attempt: int) -> None:
    assert policy.delay_s(attempt + 1, 0.0) >= policy.delay_s(attempt, 0.0)


@given(policies, attempts)
def test_drawn_delay_keeps_the_bounds_too(policy: RetryPolicy, attempt: int) -> None:
    assert 0 <= policy.delay_s(attempt) <= policy.max_s


def test_default_doubles_from_a_second_to_ten_minutes() -> None:
    policy = RetryPolicy()
    assert [policy.delay_s(attempt, 0.0) for attempt in (1, 2, 3, 10, 11, 100)] == [1, 2, 4, 512, 600, 600]
    assert policy.delay_s(1, 0.5) == 0.75


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_s": -1},
        {"factor": 0.5},
        {"factor": 11},
        {"max_s": 0},
        {"jitter": 1.1},
        {"max_s": 86_401},
        {"other": 1},
    ],
)
def test_policy_outside_its_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        RetryPolicy.model_validate(wrong)


def test_policy_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RetryPolicy().first_s = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("policy", "error", "is_retried"),
    [
        (RetryPolicy(), ValueError(), True),
        (RetryPolicy(), SystemExit(1), True),
        (RetryPolicy(), MemoryError(), False),
        (RetryPolicy(), TimeLimitReached(), False),
        (RetryPolicy(on_timeout=True), TimeLimitReached(), True),
        (RetryPolicy(), TimeoutError(), True),
        (RetryPolicy(), TaskError("a.b", "x"), False),
        (RetryPolicy(), TaskError("a.b", "x", retryable=True), True),
        (NO_RETRY, ValueError(), False),
        (NO_RETRY, TaskError("a.b", "x", retryable=True), True),
    ],
)
def test_policy_decides_which_errors_are_retried(
    policy: RetryPolicy,
    error: BaseException,
    is_retried: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert policy.allows(error) is is_retried
