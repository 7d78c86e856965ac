"""One task that shows what tasks can do and needs no library: progress, cancel, failure and retry."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field

from jobline import JobContext, Model, RetryPolicy, TaskError, task

#: A cancel is noticed within one slice.
SLICE_S = 0.1


class Countdown(Model):
    """How long to count, and what should go wrong on the way."""

    seconds: Annotated[int, Field(ge=1, le=3600, description="How long to count", examples=[10])]
    fail_at: Annotated[
        int | None,
        Field(ge=0, le=3600, description="Fail for good after this number of seconds", examples=[None]),
    ] = None
    flaky_attempts: Annotated[
        int, Field(ge=0, le=100, description="The number of first attempts that fail and are retried")
    ] = 0


class CountedDown(Model):
    """The seconds that were counted, and the attempt that ended the countdown."""

    counted: int
    attempts: int


@task(
    "demo.countdown",
    max_attempts=5,
    timeout_s=2 * 3600,
    retry=RetryPolicy(first_s=0.2, factor=2, max_s=2, jitter=0.5),
)
def countdown(order: Countdown, job: JobContext) -> CountedDown:
    """Count down a number of seconds and report progress each second.

    A task to learn with. It stops at once when its job is cancelled. It fails for good at the second
    ``fail_at`` (``demo.asked_to_fail``), and its first ``flaky_attempts`` fail and are retried
    (``demo.flaky``). With the default ``max_attempts``, up to four flaky attempts end in success.
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
    """Sleep in slices; return whether the moment came before a cancel."""
    while not job.cancelled:
        left = moment - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(SLICE_S, left))
    return False
