"""From an exception to the failure of an attempt: what clients read of it, and whether it is retried. Pure.

The worker and `jobline.testing` apply the same rules.
"""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

from jobline.domain.errors import TaskError, TimeLimitReached
from jobline.domain.plain import finite_number, plain_text
from jobline.domain.record import Failure
from jobline.domain.submission import MAX_DELAY_S
from jobline.domain.task import Task

#: A stored traceback keeps its newest frames and at most this many characters.
TRACEBACK_FRAMES = 20
TRACEBACK_CHARACTERS = 8_000
MESSAGE_CHARACTERS = 2_000
CODE_CHARACTERS = 200


def describe(error: BaseException, attempt: int, timeout_s: float) -> Failure:
    """Return a code that clients can act on, with a bounded message and traceback."""
    if isinstance(error, TaskError):
        code, message = plain_text(error.code)[:CODE_CHARACTERS], plain_text(error.message)
        retryable = bool(error.retryable)
    elif isinstance(error, TimeLimitReached):
        code, retryable = "timeout", False
        message = f"The attempt ran past its time limit of {timeout_s:g} s."
    elif isinstance(error, MemoryError):
        code, message, retryable = "resource.memory", "The attempt ran out of memory.", False
    else:
        code, message, retryable = "internal", f"{type(error).__name__}: {plain_text(error)}", False
    return Failure(code, message[:MESSAGE_CHARACTERS], retryable, attempt, format_traceback(error))


def retry_delay_s(
    error: BaseException, task: Task[Any, Any], attempt: int, max_attempts: int
) -> float | None:
    """Return the seconds until the next attempt: what the error asks for, else what the task's policy says.

    None when no attempt follows.
    """
    if attempt >= max_attempts or not task.retry.allows(error):
        return None
    wanted = finite_number(error.retry_after_s) if isinstance(error, TaskError) else None
    if wanted is None:  # not asked for, or no number of seconds
        return task.retry.delay_s(attempt)
    return float(max(0, min(wanted, MAX_DELAY_S)))


def format_traceback(error: BaseException) -> str:
    """Return the newest frames, cut to the newest characters; empty for an error that was never raised."""
    if error.__traceback__ is None:
        return ""
    with contextlib.suppress(Exception):  # such as a source file that cannot be decoded
        lines = traceback.format_exception(error, limit=-TRACEBACK_FRAMES, chain=False)
        return plain_text("".join(lines))[-TRACEBACK_CHARACTERS:]
    return ""
