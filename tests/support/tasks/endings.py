"""Tasks that end in every way an attempt can end."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

from pydantic import BaseModel, PlainSerializer

from jobline import FileId, FileRule, JobContext, Model, RetryPolicy, TaskError, task


class Order(Model):
    text: str = ""


class Files(Model):
    file: Annotated[FileId, FileRule()]


class Written(Model):
    number: Annotated[int, PlainSerializer(str)]


class Made(Model):
    text: str


class Loose(BaseModel):
    number: float = 0.0
    data: Any = None


@task("end.well", queue="media", max_attempts=7, timeout_s=12.5)
def well(order: Order) -> Made:
    """End well."""
    return Made(text=order.text)


@task("end.file")
def with_file(order: Files, job: JobContext) -> Made:
    """Read a file."""
    return Made(text=job.file(order.file).read_text())


@task("end.written")
def written(order: Written) -> Made:
    """Take a field whose model serializes it as another type."""
    return Made(text=str(order.number + 1))


@task("end.error")
def with_error(order: Order) -> Made:
    """Raise an error of its own."""
    raise TaskError("end.broken", order.text)


@task("end.flaky", retry=RetryPolicy(first_s=4, jitter=0))
def flaky(order: Order) -> Made:
    """Ask for a retry."""
    raise TaskError("end.flaky", "Not yet.", retryable=True)


@task("end.flaky_at")
def flaky_at(order: Order) -> Made:
    """Ask for a retry after a delay of its own."""
    raise TaskError("end.flaky", "Not yet.", retryable=True, retry_after_s=2.5)


@task("end.crash", retry=False)
def crash(order: Order) -> Made:
    """Raise an unexpected error from a deep call."""

    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise ValueError(order.text * 10_000)

    deep(100)
    raise AssertionError


@task("end.memory")
def memory(order: Order) -> Made:
    """Run out of memory."""
    raise MemoryError


@task("end.exit", retry=False)
def leave(order: Order) -> Made:
    """Call sys.exit."""
    sys.exit(int(order.text or 3))


@task("end.exit_async", retry=False)
async def leave_async(order: Order) -> Made:
    """Call sys.exit in a coroutine."""
    sys.exit(3)


class Unusual(BaseException):
    """Not an Exception, as some libraries raise."""


@task("end.unusual")
def unusual(order: Order) -> Made:
    """Raise a BaseException."""
    raise Unusual(order.text)


@task("end.interrupt")
def interrupt(order: Order) -> Made:
    """Raise a KeyboardInterrupt."""
    raise KeyboardInterrupt


@task("end.unusual_async")
async def unusual_async(order: Order) -> Made:
    """Raise a BaseException in a coroutine."""
    raise Unusual(order.text)


@task("end.cancelled_within")
async def cancelled_within(order: Order) -> Made:
    """Raise a CancelledError that nobody asked for."""
    raise asyncio.CancelledError


@task("end.nan")
def nan(order: Order) -> Loose:
    """Return a number that JSON cannot represent."""
    return Loose(number=float(order.text or "nan"))


@task("end.unwritable")
def unwritable(order: Order) -> Loose:
    """Return an object that JSON cannot represent."""
    return Loose(data=object())


@task("end.wrong")
def wrong(order: Order) -> Made:
    """Return another type than declared."""
    return {"text": 7}  # type: ignore[return-value]


@task("end.large")
def large(order: Order) -> Made:
    """Return a result that is too large."""
    return Made(text="x" * 2000)


@task("end.artifact")
def artifact(order: Order, job: JobContext) -> Made:
    """Write an artifact."""
    job.artifact("out.txt").write_text(order.text)
    return Made(text="")


@task("end.no_artifact")
def no_artifact(order: Order, job: JobContext) -> Made:
    """Reserve an artifact and forget it."""
    job.artifact("out.txt")
    return Made(text="")


@task("end.linked_artifact")
def linked_artifact(order: Order, job: JobContext) -> Made:
    """Link an artifact to a file that clients must not see."""
    job.artifact("out.txt").path.symlink_to("/etc/passwd")
    return Made(text="")


@task("end.folder_artifact")
def folder_artifact(order: Order, job: JobContext) -> Made:
    """Make a directory of an artifact."""
    job.artifact("out.txt").path.mkdir()
    return Made(text="")


@task("end.seen")
def seen(order: Order, job: JobContext) -> Made:
    """Return as soon as the cancel is visible."""
    while not job.cancelled:
        pass
    return Made(text="half")


def wrapped(function: Any) -> Any:
    """Wrap a function as a decorator does that knows nothing of coroutines."""

    def wrapper(order: Order) -> Made:
        made: Made = function(order)
        return made

    return wrapper


@task("end.wrapped")
@wrapped
async def wrapped_coroutine(order: Order) -> Made:
    """Return a coroutine from a plain function."""
    await asyncio.sleep(0.01)
    return Made(text=order.text)


@task("end.coroutine")
async def coroutine(order: Order, job: JobContext) -> Made:
    """End well after a sleep."""
    await asyncio.sleep(0.01)
    job.progress(1, 2)
    return Made(text=order.text)


@task("end.slow")
async def slow(order: Order) -> Made:
    """Sleep for a minute."""
    await asyncio.sleep(60)
    return Made(text="")
