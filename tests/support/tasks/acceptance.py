"""Tasks as a user might write them; each shows one way in which a job can go."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from jobline import JobContext, Model, RetryPolicy, TaskError, task

SLICE_S = 0.02
#: A waiting task outlives its test by this much at most.
HOLD_AT_MOST_S = 60.0


class Words(Model):
    text: str


class Place(Model):
    path: str


class Times(Model):
    seconds: float


class Done(Model):
    attempt: int
    pid: int = 0


@task("test.echo", timeout_s=30)
def echo(order: Words) -> Words:
    """Return the input."""
    return Words(text=order.text)


@task("test.echo_async", timeout_s=30)
async def echo_async(order: Words, job: JobContext) -> Words:
    """Return the input, from a coroutine."""
    await asyncio.sleep(0.01)
    job.progress(1, 1)
    return Words(text=order.text)


def note_start(path: Path, job: JobContext) -> None:
    with path.with_suffix(".starts").open("a") as notes:
        notes.write(f"{job.attempt} {os.getpid()}\n")


@task("test.hold", timeout_s=60, max_attempts=3)
def hold(order: Place, job: JobContext) -> Done:
    """Wait for a file."""
    path = Path(order.path)
    note_start(path, job)
    give_up = time.monotonic() + HOLD_AT_MOST_S
    while not path.exists() and not job.cancelled and time.monotonic() < give_up:
        time.sleep(SLICE_S)
    return Done(attempt=job.attempt, pid=os.getpid())


@task("test.hold_async", timeout_s=60, max_attempts=3)
async def hold_async(order: Place, job: JobContext) -> Done:
    """Wait for a file, in a coroutine that never checks for a cancel."""
    path = Path(order.path)
    note_start(path, job)
    give_up = time.monotonic() + HOLD_AT_MOST_S
    while not path.exists() and time.monotonic() < give_up:  # noqa: ASYNC110, ASYNC240 - another process opens it
        await asyncio.sleep(SLICE_S)
    return Done(attempt=job.attempt, pid=os.getpid())


@task("test.stubborn", timeout_s=60, max_attempts=1)
def stubborn(order: Place, job: JobContext) -> Done:
    """Ignore everything except a kill."""
    path = Path(order.path)
    note_start(path, job)
    give_up = time.monotonic() + HOLD_AT_MOST_S
    while not path.exists() and time.monotonic() < give_up:
        try:
            time.sleep(SLICE_S)
        except BaseException:  # noqa: BLE001, S112 - this is the fault
            continue
    return Done(attempt=job.attempt)


@task("test.nap", timeout_s=60)
def nap(order: Times, job: JobContext) -> Done:
    """Sleep."""
    time.sleep(order.seconds)
    return Done(attempt=job.attempt)


@task("test.narrow", timeout_s=60, max_running=1)
def narrow(order: Times, job: JobContext) -> Done:
    """Sleep; only one job runs at a time."""
    time.sleep(order.seconds)
    return Done(attempt=job.attempt)


@task("test.fail", max_attempts=1)
def fail(order: Words) -> Done:
    """Fail with a code of its own."""
    raise TaskError("test.broken", order.text)


@task("test.crash", max_attempts=1)
def crash(order: Words) -> Done:
    """Raise an unexpected error."""
    raise KeyError(order.text)


@task("test.later", max_attempts=2, retry=RetryPolicy(first_s=0.1, max_s=0.1))
def later(order: Times, job: JobContext) -> Done:
    """Succeed in the second attempt, some seconds later."""
    if job.attempt == 1:
        raise TaskError("test.not_yet", "Not yet.", retryable=True, retry_after_s=order.seconds)
    return Done(attempt=job.attempt)


@task("test.exit", max_attempts=2)
def leave(order: Words) -> Done:
    """End the whole process."""
    os._exit(3)


@task("test.program", timeout_s=60, max_attempts=1)
def program(order: Place, job: JobContext) -> Done:
    """Wait for programs that this task has started, one and one of that one's, and ignore all but a kill."""
    script = f"echo $$ >> {order.path}; (sleep 60 & echo $! >> {order.path}; wait)"
    started = subprocess.Popen(["/bin/sh", "-c", script])
    while started.poll() is None:
        try:
            time.sleep(SLICE_S)
        except BaseException:  # noqa: BLE001, S112 - this is the fault
            continue
    return Done(attempt=job.attempt)


@task("test.processes", timeout_s=60, max_attempts=1)
def processes(order: Words) -> Words:
    """Share the work among processes of its own, by both of Python's ways."""
    with multiprocessing.Pool(2) as pool, ProcessPoolExecutor(2) as executor:
        words = [*pool.map(str.upper, [order.text]), *executor.map(str.lower, [order.text])]
    return Words(text=" ".join(words))


@task("test.missing", extra="nothing", requires=("no_such_package_at_all",))
def missing(order: Words) -> Done:
    """Need a package that does not exist."""
    raise AssertionError("never offered")
