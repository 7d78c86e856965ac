"""The models of jobs: what a submit may set, and what reads and lists return."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobline.domain.state import State
from jobline.domain.submission import DEFAULT_PRIORITY, MAX_DELAY_S
from jobline.domain.task import MAX_ATTEMPTS, MAX_TIMEOUT_S, QUEUE
from jobline.service.shapes.answer import Answer
from jobline.service.shapes.timestamps import Timestamp

MAX_TAGS = 10

Tag = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
QueueName = Annotated[str, Field(pattern=f"^{QUEUE.pattern}$")]


class SubmitOptions(BaseModel):
    """The optional fields of every submit, beside its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    delay_s: Annotated[
        float | None,
        Field(
            ge=0, le=MAX_DELAY_S, description="Seconds to wait before the job may start. Excludes `run_at`."
        ),
    ] = None
    run_at: Annotated[
        Timestamp | None,
        Field(description="Earliest start of the job. A time in the past means now. Excludes `delay_s`."),
    ] = None
    expires_in_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_DELAY_S,
            description="Seconds within which the job must start; after that it is revoked.",
        ),
    ] = None
    priority: Annotated[
        int, Field(ge=0, le=9, description="Priority within the queue, from 0 (last) to 9 (first).")
    ] = DEFAULT_PRIORITY
    queue: Annotated[
        QueueName | None,
        Field(description="Queue for this job, one that is declared. Default: the task's own queue."),
    ] = None
    max_attempts: Annotated[
        int | None,
        Field(
            ge=1, le=MAX_ATTEMPTS, description="Maximum number of attempts. Default: the task's own limit."
        ),
    ] = None
    timeout_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_TIMEOUT_S,
            description="Time limit of one attempt in seconds. Default: the task's own limit.",
        ),
    ] = None
    # A factory: pydantic would copy a default list for every request.
    tags: Annotated[
        list[Tag],
        Field(
            max_length=MAX_TAGS, description="Labels of the job. Lists and bulk operations filter by them."
        ),
    ] = Field(default_factory=list, json_schema_extra={"default": []})


class Progress(Answer):
    """The progress that a running job last reported."""

    done: Annotated[
        float | None, Field(description="Amount of work done so far, in `unit`; null if it is no number.")
    ]
    total: Annotated[float | None, Field(description="Total amount of work, or null if it is not known.")]
    unit: Annotated[str, Field(description="What is counted, such as `frames` or `rows`. May be empty.")]
    message: Annotated[str, Field(description="Short text for people. May be empty.")]


class JobError(BaseModel):
    """The reason why a job, or its last attempt, did not succeed."""

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(description="Stable code for programs to act on.", examples=["image.corrupt"])]
    message: Annotated[str, Field(description="Explanation for people.")]
    retryable: Annotated[bool, Field(description="Whether another attempt may succeed.")]
    attempt: Annotated[int, Field(description="Number of the attempt that failed.")]
    traceback: Annotated[
        str | None, Field(description="Python traceback; only if the operator has enabled tracebacks.")
    ] = None


class JobSummary(Answer):
    """A job without its result."""

    id: Annotated[str, Field(description="Job ID, a UUIDv7: IDs sort by time of creation.")]
    task: Annotated[str, Field(description="Name of the task.")]
    state: Annotated[
        State,
        Field(
            description="PENDING: queued or scheduled. STARTED: running. RETRY: waiting for another attempt. "
            "SUCCESS, FAILURE and REVOKED are final. Celery's `AsyncResult` shows the same state."
        ),
    ]
    queue: Annotated[str, Field(description="Queue that the job is in.")]
    priority: Annotated[int, Field(description="Priority within the queue, from 0 (last) to 9 (first).")]
    tags: Annotated[list[str], Field(description="Labels of the job.")]
    attempt: Annotated[int, Field(description="Number of the latest attempt; 0 before the first one.")]
    max_attempts: Annotated[int, Field(description="Maximum number of attempts.")]
    cancel_requested: Annotated[bool, Field(description="Whether a running job was asked to stop.")]
    retry_of: Annotated[str | None, Field(description="ID of the job that this job retries.")]
    batch_id: Annotated[str | None, Field(description="ID of the batch that the job belongs to.")]
    created_at: Annotated[datetime, Field(description="When the job was accepted.")]
    run_at: Annotated[datetime | None, Field(description="When the job, or its next attempt, is due.")]
    started_at: Annotated[datetime | None, Field(description="When the latest attempt started.")]
    finished_at: Annotated[datetime | None, Field(description="When the job reached a final state.")]
    expires_at: Annotated[
        datetime | None, Field(description="When the job is revoked if it has not started by then.")
    ]
    progress: Annotated[Progress | None, Field(description="Latest progress report.")]
    error: Annotated[JobError | None, Field(description="Why the job or its latest attempt did not succeed.")]


class JobList(Answer):
    """One page of jobs, newest first."""

    items: Annotated[list[JobSummary], Field(description="The jobs of this page.")]
    next_cursor: Annotated[
        str | None, Field(description="Cursor of the next page, opaque; null on the last page.")
    ]


class CancelCounts(Answer):
    """What a bulk cancel did."""

    revoked: Annotated[int, Field(description="Waiting jobs that were revoked.")]
    cancel_requested: Annotated[int, Field(description="Running jobs that were asked to stop.")]
    has_more: Annotated[
        bool, Field(description="Whether matching jobs are left; if so, send the request again.")
    ]


class RetryCounts(Answer):
    """What a bulk retry did."""

    retried: Annotated[int, Field(description="Jobs for which a new job was created.")]
    skipped: Annotated[int, Field(description="Jobs that were retried before, or whose files are gone.")]
    has_more: Annotated[
        bool,
        Field(description="Whether matching jobs are left or the queue was full; if so, send it again."),
    ]
