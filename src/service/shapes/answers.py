"""The shapes of the API: what a request may hold and what an answer holds. No I/O and no rule of the ledger.

The models of answers are for the documentation and the SDKs; the answers themselves are put together by
`jobline.service.answers.writing`, so that a stored result is not parsed to be written again. A test holds the
two together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from jobline.domain.retry import RetryPolicy
from jobline.domain.state import State
from jobline.domain.submission import DEFAULT_PRIORITY
from jobline.domain.task import MAX_ATTEMPTS, MAX_TIMEOUT_S, QUEUE
from jobline.service.shapes.moments import Moment

MAX_TAGS = 10
#: A year: what waits longer belongs into a schedule.
MAX_DELAY_S = 366 * 86_400

Tag = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
QueueName = Annotated[str, Field(pattern=f"^{QUEUE.pattern}$")]


class Answer(BaseModel):
    """Be the base of what only answers hold: every key is there, null where there is nothing."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class SubmitOptions(BaseModel):
    """Hold what every submit may say beside its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    delay_s: Annotated[
        float | None, Field(ge=0, le=MAX_DELAY_S, description="Start this much later. Excludes run_at.")
    ] = None
    run_at: Annotated[
        Moment | None, Field(description="Start at this time, or soon after. Excludes delay_s.")
    ] = None
    expires_in_s: Annotated[
        float | None,
        Field(gt=0, le=MAX_DELAY_S, description="Revoke the job when it has not started by then."),
    ] = None
    priority: Annotated[int, Field(ge=0, le=9, description="9 first, 0 last.")] = DEFAULT_PRIORITY
    queue: Annotated[QueueName | None, Field(description="Another queue than the task's own.")] = None
    max_attempts: Annotated[
        int | None, Field(ge=1, le=MAX_ATTEMPTS, description="Another limit than the task's own.")
    ] = None
    timeout_s: Annotated[
        float | None,
        Field(gt=0, le=MAX_TIMEOUT_S, description="Another bound of one attempt than the task's own."),
    ] = None
    # A factory: a default list would be copied for every request.
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS, description="Words to find the job by.")] = Field(
        default_factory=list, json_schema_extra={"default": []}
    )


class Progress(Answer):
    """Tell how far a running job is."""

    done: float
    total: float | None
    unit: str
    message: str


class JobError(BaseModel):
    """Tell why a job, or its last attempt, did not succeed."""

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(description="A stable word to act on.", examples=["image.corrupt"])]
    message: str
    retryable: bool
    attempt: int
    traceback: Annotated[str | None, Field(description="Only where JOBLINE_TRACEBACKS allows it.")] = None


class JobSummary(Answer):
    """Hold a job without its result."""

    id: Annotated[str, Field(description="A UUID, rising with time.")]
    task: str
    state: Annotated[State, Field(description="What Celery's AsyncResult says.")]
    queue: str
    priority: int
    tags: list[str]
    attempt: Annotated[int, Field(description="Counted from 1; 0 before the first.")]
    max_attempts: int
    cancel_requested: bool
    retry_of: Annotated[str | None, Field(description="The job that this one repeats.")]
    batch_id: str | None
    created_at: datetime
    run_at: Annotated[datetime | None, Field(description="When the job, or its next attempt, is due.")]
    started_at: Annotated[datetime | None, Field(description="When the last attempt started.")]
    finished_at: datetime | None
    expires_at: Annotated[
        datetime | None, Field(description="When the job is revoked unless it has started.")
    ]
    progress: Progress | None
    error: JobError | None


class JobList(Answer):
    """Hold one page of jobs, newest first."""

    items: list[JobSummary]
    next_cursor: Annotated[str | None, Field(description="Opaque; null on the last page.")]


class FileInfo(Answer):
    """Describe a file or an artifact."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    expires_at: Annotated[datetime | None, Field(description="Null while an unfinished job names it.")]
    job_id: Annotated[str | None, Field(description="The job that made it; null for an upload.")]


class FileList(Answer):
    """Hold the artifacts of a job."""

    items: list[FileInfo]


class TaskInfo(Answer):
    """Describe one task: what it takes, what it gives, and how it is run."""

    name: str
    family: str
    summary: str
    description: str
    queue: str
    max_attempts: int
    timeout_s: float
    max_running: Annotated[int | None, Field(description="Jobs of it that run at once; null for any number.")]
    retry: RetryPolicy
    available: Annotated[bool, Field(description="Whether jobs of it are taken here.")]
    install: Annotated[str | None, Field(description="What to do where it is not available.")]
    input_schema: Annotated[dict[str, Any], Field(description="JSON Schema.")]  # Any: a schema is any JSON
    result_schema: Annotated[dict[str, Any], Field(description="JSON Schema.")]


class TaskList(Answer):
    """Hold every declared task by name."""

    items: list[TaskInfo]


class WorkerInfo(Answer):
    """Describe one worker by its last heartbeat."""

    name: str
    hostname: str
    queues: list[str]
    capacity: Annotated[int, Field(description="Jobs that it runs at once.")]
    busy: Annotated[int, Field(description="Jobs that it runs now.")]
    heartbeat_age_s: float


class WorkerList(Answer):
    """Hold the workers whose heartbeat came within the last minute."""

    items: list[WorkerInfo]


class Health(Answer):
    """Say that the process, or the whole service, is well."""

    status: str
