"""Show every trait of a task in one that needs nothing: progress, cancel, failure and retry."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from jobline import JobContext, Model, RetryPolicy, TaskError, task

#: A cancel is noticed within one slice.
SLICE_S = 0.1


class Countdown(Model):
    """Ask for a countdown, and for what shall go wrong on the way."""

    seconds: Annotated[int, Field(ge=1, le=3600, description="How long to count", examples=[10])]
    fail_at: Annotated[
        int | None, Field(ge=0, le=3600, description="Fail for good after so many seconds", examples=[None])
    ] = None
    flaky_attempts: Annotated[
        int, Field(ge=0, le=100, description="Fail in each of the first so many attempts, to be tried again")
    ] = 0


class CountedDown(Model):
    """Tell how far the countdown came, and in which attempt."""

    counted: int
    attempts: int


@task(
    "demo.countdown",
    max_attempts=5,
    timeout_s=2 * 3600,
    retry=RetryPolicy(first_s=0.2, factor=2, max_s=2, jitter=0.5),
)
def countdown(order: Countdown, job: JobContext) -> CountedDown:
    """Count down a number of seconds, telling the progress each second.

    A task to learn with: it stops at once when its job is cancelled, fails for good where ``fail_at`` says
    so (``demo.asked_to_fail``), and fails for a while when ``flaky_attempts`` asks for it (``demo.flaky``),
    so that retries can be watched. Up to four flaky attempts end well within the default ``max_attempts``.
    """
    if job.attempt <= order.flaky_attempts:
        raise TaskError("demo.flaky", f"Attempt {job.attempt} was asked to fail.", retryable=True)
    start = time.monotonic()
    for counted in range(order.seconds + 1):
        if counted == order.fail_at:
            raise TaskError("demo.asked_to_fail", f"The countdown was asked to fail after {counted} s.")
        job.progress(counted, order.seconds, unit="s", message=f"{order.seconds - counted} s left")
        if counted == order.seconds or not wait_until(start + counted + 1, job):
            break
    return CountedDown(counted=counted, attempts=job.attempt)


def wait_until(moment: float, job: JobContext) -> bool:
    """Sleep in slices; claims that the moment came, and was not forestalled by a cancel."""
    while not job.cancelled:
        left = moment - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(SLICE_S, left))
    return False
