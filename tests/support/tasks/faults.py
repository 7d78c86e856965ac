"""Tasks that record their own starts and ends in a file outside Redis, beside what the ledger says.

Each line of the file is one write: ``start|end <job id> <attempt> <monotonic seconds> <pid>``; the monotonic
clock is one for all processes of a machine, and no fault here moves it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Annotated

from pydantic import Field

from jobline import JobContext, Model, RetryPolicy, TaskError, task

SOON = RetryPolicy(first_s=0.2, factor=1, max_s=0.2, jitter=0)
#: Calls into C while holding the GIL: no other thread of the process runs until it returns.
holding_the_gil = ctypes.PyDLL(None)


def note(word: str, job: JobContext) -> None:
    """Append one line; with O_APPEND a write below PIPE_BUF is atomic, however many processes write."""
    line = f"{word} {job.id} {job.attempt} {time.monotonic():.3f} {os.getpid()}\n"
    fd = os.open(os.environ["FAULTS_EVIDENCE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


class Work(Model):
    seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0


class Done(Model):
    attempt: int


@task("faults.work", retry=SOON)
def work(order: Work, job: JobContext) -> Done:
    """Sleep, without calling the context."""
    note("start", job)
    time.sleep(order.seconds)
    note("end", job)
    return Done(attempt=job.attempt)


@task("faults.coroutine", retry=SOON)
async def coroutine(order: Work, job: JobContext) -> Done:
    """Sleep on the event loop."""
    import asyncio  # noqa: PLC0415 - the one task that needs it

    note("start", job)
    await asyncio.sleep(order.seconds)
    note("end", job)
    return Done(attempt=job.attempt)


@task("faults.progress", retry=SOON)
def progress(order: Work, job: JobContext) -> Done:
    """Report progress all the time; a cancel stops it there."""
    note("start", job)
    start = time.monotonic()
    while (past := time.monotonic() - start) < order.seconds:
        job.progress(past, order.seconds, unit="s")
        time.sleep(0.05)
    note("end", job)
    return Done(attempt=job.attempt)


@task("faults.deaf", retry=SOON)
def deaf(order: Work, job: JobContext) -> Done:
    """Ignore everything except a kill."""
    note("start", job)
    until = time.monotonic() + order.seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.1)
        except BaseException:  # noqa: BLE001, S112 - the point of this task
            continue
    note("end", job)
    return Done(attempt=job.attempt)


class Flaky(Work):
    fails: Annotated[int, Field(ge=0, le=100)] = 1


@task("faults.flaky", max_attempts=5, retry=SOON)
def flaky(order: Flaky, job: JobContext) -> Done:
    """Fail in the first ``fails`` attempts."""
    note("start", job)
    time.sleep(order.seconds)
    note("end", job)
    if job.attempt <= order.fails:
        raise TaskError("faults.flaky", "asked to fail", retryable=True)
    return Done(attempt=job.attempt)


@task("faults.broken", retry=SOON)
def broken(order: Work, job: JobContext) -> Done:
    """Fail permanently."""
    note("start", job)
    time.sleep(order.seconds)
    note("end", job)
    raise TaskError("faults.broken", "asked to fail")


@task("faults.kill_child", retry=SOON)
def kill_child(order: Work, job: JobContext) -> Done:
    """Kill its own process."""
    note("start", job)
    os.kill(os.getpid(), signal.SIGKILL)
    return Done(attempt=job.attempt)


@task("faults.kill_worker", retry=SOON)
def kill_worker(order: Work, job: JobContext) -> Done:
    """Kill the whole worker."""
    note("start", job)
    os.killpg(os.getpgid(0), signal.SIGKILL)
    return Done(attempt=job.attempt)


@task("faults.memory", retry=SOON)
def memory(order: Work, job: JobContext) -> Done:
    """Allocate more memory than there is."""
    note("start", job)
    bytearray(1 << 62)
    return Done(attempt=job.attempt)


@task("faults.hang", timeout_s=1.0, retry=SOON)
def hang(order: Work, job: JobContext) -> Done:
    """Never end; a soft time limit can interrupt it."""
    note("start", job)
    time.sleep(3600)
    return Done(attempt=job.attempt)


@task("faults.hold_the_gil", timeout_s=1.0, retry=SOON)
def hold_the_gil(order: Work, job: JobContext) -> Done:
    """Never end, hold the GIL and ignore signals: only a kill helps."""
    note("start", job)
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    while True:
        holding_the_gil.sleep(3600)


@task("faults.starve", retry=SOON)
def starve(order: Work, job: JobContext) -> Done:
    """Hold the GIL in one long call, then end well."""
    note("start", job)
    until = time.monotonic() + order.seconds
    while (left := until - time.monotonic()) > 0:
        holding_the_gil.usleep(int(left * 1_000_000))
    note("end", job)
    return Done(attempt=job.attempt)


@task("faults.nothing")
def nothing(order: Work, job: JobContext) -> Done:
    """End at once, without evidence: for a hundred thousand jobs."""
    return Done(attempt=job.attempt)
