"""From an exception to the failure of an attempt: what clients read of it, and whether it is retried. Pure.

The worker and `jobline.testing` apply the same rules.
"""

from __future__ import annotations

import contextlib
import traceback
from typing import Any

from jobline.domain.errors import TaskError
from jobline.domain.record import Failure
from jobline.domain.task import Task

#: A stored traceback keeps its newest frames and at most this many characters.
TRACEBACK_FRAMES = 20
TRACEBACK_CHARACTERS = 8_000
MESSAGE_CHARACTERS = 2_000


def describe(error: BaseException, attempt: int, timeout_s: float) -> Failure:
    """Return a code that clients can act on, with a bounded message and traceback."""
    if isinstance(error, TaskError):
        code, message, retryable = error.code, error.message, error.retryable
    elif isinstance(error, TimeoutError):
        code, retryable = "timeout", False
        message = f"The attempt ran past its time limit of {timeout_s:g} s."
    elif isinstance(error, MemoryError):
        code, message, retryable = "resource.memory", "The attempt ran out of memory.", False
    else:
        code, message, retryable = "internal", f"{type(error).__name__}: {read_text(error)}", False
    return Failure(code, message[:MESSAGE_CHARACTERS], retryable, attempt, format_traceback(error))


def read_text(error: BaseException) -> str:
    """Return an error's own text, also where a user's ``__str__`` raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it raises, the attempt must end
        return "<its text cannot be read>"


def retry_delay_s(
    error: BaseException, task: Task[Any, Any], attempt: int, max_attempts: int
) -> float | None:
    """Return the seconds until the next attempt: what the error asks for, else what the task's policy says.

    None when no attempt follows.
    """
    if attempt >= max_attempts or not task.retry.allows(error):
        return None
    if isinstance(error, TaskError) and error.retry_after_s is not None:
        return max(0.0, error.retry_after_s)
    return task.retry.delay_s(attempt)


def format_traceback(error: BaseException) -> str:
    """Return the newest frames, cut to the newest characters; empty for an error that was never raised."""
    if error.__traceback__ is None:
        return ""
    with contextlib.suppress(Exception):  # such as a source file that cannot be decoded
        lines = traceback.format_exception(error, limit=-TRACEBACK_FRAMES, chain=False)
        return "".join(lines)[-TRACEBACK_CHARACTERS:]
    return ""
