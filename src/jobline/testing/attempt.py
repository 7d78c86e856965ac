"""One attempt of a task in the calling process, by the rules of the service and of the worker."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from jobline import JobCancelled, JobContext, State, Task
from jobline.domain.failure import describe, retry_delay_s
from jobline.domain.file_id import FileReferences
from jobline.domain.result import check_result
from jobline.domain.settings import Settings
from jobline.files import FileStore, Workspace
from jobline.testing.files import Content, Uploads
from jobline.testing.order import write_order
from jobline.testing.outcome import Outcome
from jobline.testing.port import KitPort
from jobline.worker.coroutines import JobStopped, contain_exit, run_coroutine

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)

#: The same in each run, so that results and the ids of artifacts in them are the same.
JOB_ID = "test-job"
MAX_RESULT_BYTES: int = Settings.model_fields["max_result_bytes"].default


def run(
    task: Task[Input, Result],
    order: Input | Mapping[str, object],
    *,
    files: Mapping[str, Content] | None = None,
    attempt: int = 1,
    max_attempts: int | None = None,
    cancelled: bool = False,
    cancel_after: int | None = None,
) -> Outcome[Result]:
    """Run one attempt of a task, plain or async, and return what it did.

    ``order`` is the input: its model, or a mapping that is read as the JSON of a request. ``job.file`` serves
    ``files`` under the ids ``file_id(name)``. ``attempt`` is the attempt's number, from 1 to ``max_attempts``
    (unset, the task's own). ``cancelled`` cancels the job before its first line runs, ``cancel_after`` after
    that number of calls of ``job.progress``. An async task sees a cancel within a quarter of a second. Only
    an async task is stopped at its ``timeout_s``.

    Raises pydantic's ValidationError, NotFound, TooLarge or UnsupportedMedia for an input that the service
    would refuse, and FileChanged when the task wrote to a file that it was given. What the task raises is in
    ``Outcome.error``, and becomes the cause of the NoResult that ``Outcome.result`` raises.
    """
    limit = task.max_attempts if max_attempts is None else max_attempts
    if not 1 <= attempt <= limit:
        raise ValueError(f"attempt must be 1 to {limit} (max_attempts), not {attempt}")
    references = FileReferences()
    checked = task.read_input(write_order(order), references)
    if isinstance(order, task.input):  # its validators have changed its values already
        checked = order
    with tempfile.TemporaryDirectory(prefix="jobline-test-") as directory:
        root = Path(directory)
        uploads = Uploads(FileStore(root), root)
        uploads.add(files or {}, references.found)
        with Workspace(root, JOB_ID, attempt) as space:
            port = KitPort(uploads.store, space, 0 if cancelled else cancel_after)
            outcome = perform(task, checked, JobContext(JOB_ID, attempt, limit, port), port)
        uploads.check_unchanged()
        return outcome


def perform(task: Task[Input, Result], order: Input, job: JobContext, port: KitPort) -> Outcome[Result]:
    """Call the task, and decide as the worker does how its attempt ends."""
    kept = (port.progress, port.log_lines)
    try:
        value = call(task, order, job, port)
        if job.observed_cancel:
            return Outcome(State.REVOKED, *kept)
        result, _ = check_result(task, value, MAX_RESULT_BYTES)
        return Outcome(State.SUCCESS, *kept, artifacts=port.publish(), _result=result)
    except (JobCancelled, JobStopped) as error:
        return Outcome(State.REVOKED, *kept, _cause=error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a task raises ends its attempt
        delay_s = retry_delay_s(error, task, job.attempt, job.max_attempts)
        return Outcome(
            State.FAILURE if delay_s is None else State.RETRY,
            *kept,
            error=describe(error, job.attempt, task.timeout_s),
            retry_after_s=delay_s,
            _cause=error,
        )


def call(task: Task[Input, Any], order: Input, job: JobContext, port: KitPort) -> Any:  # noqa: ANN401 - what the function returns is checked later
    """Call the task's function, with the context if it takes one, on an event loop if it is async."""
    arguments = (order, job) if task.takes_context else (order,)
    made = task.function(*arguments)
    if not inspect.iscoroutine(made):
        return made
    return run_coroutine(contain_exit(made), task.timeout_s, port.is_cancelled)
