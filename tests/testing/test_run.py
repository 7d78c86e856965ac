from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from jobline import FileId, FileRule, JobContext, Model, RetryPolicy, State, TaskError, task
from jobline.domain.errors import NotFound, TooLarge, UnsupportedMedia
from jobline.testing import LogLine, NoResult, Progress, file_id, run


class Steps(Model):
    count: Annotated[int, Field(ge=0)]


class Walked(Model):
    steps: int
    attempt: int = 1


@task("walk.plain", max_attempts=3)
def walk(order: Steps, job: JobContext) -> Walked:
    """Report each step."""
    for step in range(order.count):
        job.progress(step + 1, order.count, unit="steps")
    job.log("arrived", steps=order.count)
    return Walked(steps=order.count, attempt=job.attempt)


@task("walk.later", timeout_s=0.2)
async def walk_later(order: Steps, job: JobContext) -> Walked:
    for step in range(order.count):
        job.progress(step)
    return Walked(steps=order.count)


@task("walk.forever", timeout_s=0.2)
async def walk_forever(order: Steps) -> Walked:
    await asyncio.sleep(60)
    return Walked(steps=0)


@task("walk.patient")
async def walk_patiently(order: Steps) -> Walked:
    await asyncio.sleep(60)
    return Walked(steps=0)


@task("walk.alone")
def walk_alone(order: Steps) -> Walked:
    return Walked(steps=order.count)


@task("walk.looks")
def walk_until_cancelled(order: Steps, job: JobContext) -> Walked:
    """Look, clean up and return, as a polite task does."""
    for step in range(order.count):
        if job.cancelled:
            job.progress(step, message="cleaning up")
            break
        job.progress(step)
    return Walked(steps=0)


class Photo(Model):
    photo: Annotated[FileId, FileRule(max_bytes=10, media_types=("image/*",))]


class Size(Model):
    bytes: int


@task("photo.measure")
def measure(order: Photo, job: JobContext) -> Size:
    content = job.file(order.photo).read_bytes()
    job.artifact("copy.bin").write_bytes(content)
    return Size(bytes=len(content))


class Fault(Model):
    kind: str


FAULTS: dict[str, Any] = {
    "final": TaskError("fault.final", "No hope."),
    "later": TaskError("fault.later", "Not now.", retryable=True, retry_after_s=7),
    "bug": ZeroDivisionError("oh"),
    "memory": MemoryError(),
    "exit": SystemExit(3),
}


@task("fault.raises", max_attempts=2, retry=RetryPolicy(first_s=4, jitter=0))
def fail(order: Fault) -> Size:
    raise FAULTS[order.kind]


@task("fault.returns")
def return_wrongly(order: Fault, job: JobContext) -> Size:
    if order.kind == "artifact":
        job.artifact("never.written")
        return Size(bytes=0)
    return order.kind  # type: ignore[return-value] # that is the fault


def test_outcome_has_result_progress_and_log() -> None:
    outcome = run(walk, Steps(count=2))

    assert outcome.state is State.SUCCESS
    assert outcome.result == Walked(steps=2)
    assert outcome.progress == [Progress(1, 2, "steps", ""), Progress(2, 2, "steps", "")]
    assert outcome.log == [LogLine("info", "arrived", {"steps": 2})]
    assert (outcome.error, outcome.artifacts) == (None, {})


@pytest.mark.parametrize("tried", [walk_later, walk_alone, walk])
def test_every_form_of_a_task_runs(tried: Any) -> None:
    assert run(tried, {"count": 3}).result.steps == 3


async def test_async_task_runs_inside_of_a_running_loop() -> None:
    assert run(walk_later, Steps(count=1)).result.steps == 1


def test_second_attempt_knows_its_number() -> None:
    assert run(walk, Steps(count=0), attempt=2).result.attempt == 2
    with pytest.raises(ValueError, match=r"attempt must be 1 to 3 \(max_attempts\), not 4"):
        run(walk, Steps(count=0), attempt=4)


def test_input_is_validated_as_strictly_as_by_the_service() -> None:
    with pytest.raises(ValidationError, match="count"):
        run(walk, {"count": "3"})
    with pytest.raises(ValidationError, match="more"):
        run(walk, {"count": 3, "more": 1})


def test_progress_of_a_cancelled_job_ends_it() -> None:
    outcome = run(walk, Steps(count=9), cancel_after=2)

    assert outcome.state is State.REVOKED
    assert [report.done for report in outcome.progress] == [1, 2]
    assert outcome.log == []
    with pytest.raises(NoResult, match="ended in REVOKED, without a result: the job was cancelled"):
        _ = outcome.result


def test_task_that_looks_may_clean_up_and_its_result_is_dropped() -> None:
    outcome = run(walk_until_cancelled, Steps(count=9), cancelled=True)

    assert outcome.state is State.REVOKED
    assert [report.message for report in outcome.progress] == ["cleaning up"]


def test_async_task_is_cancelled_in_its_await() -> None:
    assert run(walk_patiently, Steps(count=0), cancelled=True).state is State.REVOKED


def test_async_task_is_stopped_at_its_time_limit() -> None:
    outcome = run(walk_forever, Steps(count=0), attempt=3)

    assert outcome.error
    assert (outcome.state, outcome.error.code) == (State.FAILURE, "timeout")


@pytest.mark.parametrize(
    ("kind", "code", "retry_after_s"),
    [
        ("final", "fault.final", None),
        ("later", "fault.later", 7),
        ("bug", "internal", 4),
        ("memory", "resource.memory", None),
        ("exit", "internal", 4),
    ],
)
def test_error_is_what_clients_read_and_state_is_whether_it_is_retried(
    kind: str, code: str, retry_after_s: float | None
) -> None:
    outcome = run(fail, Fault(kind=kind))

    assert outcome.error
    assert outcome.error.code == code
    assert outcome.retry_after_s == retry_after_s
    assert outcome.state is (State.FAILURE if retry_after_s is None else State.RETRY)
    assert run(fail, Fault(kind=kind), attempt=2).state is State.FAILURE


def test_missing_result_shows_what_the_task_raised() -> None:
    with pytest.raises(NoResult, match="RETRY, without a result: internal: ZeroDivisionError: oh") as caught:
        _ = run(fail, Fault(kind="bug")).result
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(("kind", "code"), [("text", "result.invalid"), ("artifact", "artifact.missing")])
def test_wrong_returns_fail_as_in_the_worker(kind: str, code: str) -> None:
    error = run(return_wrongly, Fault(kind=kind)).error

    assert error
    assert error.code == code


@pytest.mark.parametrize("as_path", [False, True])
def test_files_are_served_and_artifacts_collected(as_path: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"12345")

    outcome = run(measure, Photo(photo=file_id("a.png")), files={"a.png": photo if as_path else b"12345"})

    assert outcome.result == Size(bytes=5)
    assert outcome.artifacts == {"copy.bin": b"12345"}
    assert photo.read_bytes() == b"12345"


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"a.png": b"12345678901"}, TooLarge),
        ({"a.png": Path(__file__).with_name("missing.png")}, FileNotFoundError),
        ({"b.png": b"1"}, NotFound),
        ({}, NotFound),
    ],
)
def test_files_are_refused_as_by_the_service(files: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        run(measure, Photo(photo=file_id("a.png")), files=files)


def test_media_type_is_read_from_the_name_and_not_checked_without_an_ending() -> None:
    with pytest.raises(UnsupportedMedia, match="text/plain; taken here: image"):
        run(measure, Photo(photo=file_id("a.txt")), files={"a.txt": b"1"})
    assert run(measure, Photo(photo=file_id("a")), files={"a": b"1"}).result.bytes == 1


def test_artifact_that_does_not_exist_is_an_error_of_the_task() -> None:
    error = run(measure, Photo(photo="art_" + "0" * 32)).error

    assert error
    assert error.code == "file.not_found"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(measure, Photo(photo=file_id("a.png")), files={"a.png": b"1"})
    assert list(tmp_path.iterdir()) == []


def test_kit_loads_neither_pytest_nor_celery_nor_redis() -> None:
    script = "import sys, jobline.testing; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    roots = {name.partition(".")[0] for name in loaded.split()}

    assert roots & {"pytest", "_pytest", "celery", "kombu", "redis", "fastapi"} == set()


def logged(function: Any) -> Any:
    """Wrap a function as a decorator does that knows nothing of coroutines."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@task("walk.wrapped", timeout_s=5)
@logged
async def walk_wrapped(order: Steps) -> Walked:
    await asyncio.sleep(0)
    return Walked(steps=order.count)


def test_coroutine_of_a_plain_wrapper_is_awaited() -> None:
    """It was never awaited, and the result was no result."""
    assert run(walk_wrapped, Steps(count=2)).result == Walked(steps=2)
