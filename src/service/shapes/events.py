"""The models of events, for the OpenAPI document; `jobline.service.events.frames` writes the events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from jobline.domain.state import State
from jobline.service.shapes.answer import Answer
from jobline.service.shapes.jobs import JobError, Progress


class LogLine(Answer):
    """One line that a task logged."""

    level: Annotated[str, Field(description="Level, such as `info` or `warning`.")]
    message: Annotated[str, Field(description="Text of the line.")]
    fields: Annotated[
        dict[str, Any],  # Any: what the task added, as JSON
        Field(description="Further values that the task logged with the line."),
    ]


class JobEventData(Answer):
    """The job at the time of the event. Keys that do not belong to the event's type are null."""

    job_id: Annotated[str, Field(description="Job ID.")]
    task: Annotated[str, Field(description="Name of the task.")]
    queue: Annotated[str, Field(description="Queue of the job.")]
    state: Annotated[State, Field(description="State of the job after the event.")]
    attempt: Annotated[int, Field(description="Number of the attempt; 0 before the first one.")]
    progress: Annotated[
        Progress | None, Field(description="Progress report, with `job.progress` and `reset`.")
    ]
    log: Annotated[LogLine | None, Field(description="Log line, with `job.log`.")]
    error: Annotated[
        JobError | None,
        Field(description="Error, with `job.failed`, `job.revoked`, `job.retrying` and `reset`."),
    ]
    run_at: Annotated[
        datetime | None, Field(description="When the next attempt is due, with `job.retrying`.")
    ]
    result: Annotated[Any, Field(description="Result as the task declares it, with `job.succeeded`.")]


class JobEvent(Answer):
    """One event of an event stream."""

    id: Annotated[str, Field(description="Event ID. IDs increase over all jobs.")]
    type: Annotated[
        str,
        Field(
            description="`job.created`, `job.started`, `job.progress`, `job.log`, `job.retrying`, "
            "`job.succeeded`, `job.failed`, `job.revoked`, or `reset` in place of events that are no longer "
            "stored.",
            examples=["job.started"],
        ),
    ]
    timestamp: Annotated[datetime, Field(description="When the event happened.")]
    data: Annotated[
        JobEventData | None,
        Field(description="The job; null with a `reset` of a stream of more than one job."),
    ]
