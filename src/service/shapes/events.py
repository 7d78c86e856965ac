"""The shape of an event, for the documentation; `frames` writes it. Nothing else belongs here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from jobline.domain.state import State
from jobline.service.shapes.answers import Answer, JobError, Progress


class LogLine(Answer):
    """Hold one line that a task logged."""

    level: str
    message: str
    fields: dict[str, Any]  # Any: what the task added, as JSON


class JobEventData(Answer):
    """Tell of the job at the time of the event."""

    job_id: str
    task: str
    queue: str
    state: State
    attempt: Annotated[int, Field(description="Counted from 1; 0 before the first.")]
    progress: Annotated[Progress | None, Field(description="With job.progress and reset.")]
    log: Annotated[LogLine | None, Field(description="With job.log.")]
    error: Annotated[
        JobError | None, Field(description="With job.failed, job.revoked, job.retrying and reset.")
    ]
    run_at: Annotated[datetime | None, Field(description="With job.retrying: when the next attempt is due.")]
    result: Annotated[Any, Field(description="With job.succeeded: what the task declares.")]


class JobEvent(Answer):
    """Hold one event.

    Beside these fields stands `type`: job.created, job.started, job.progress, job.log, job.retrying,
    job.succeeded, job.failed, job.revoked, or reset where events are lost. (SDK generators stumble over a
    field of that name.) Ids rise over all jobs.
    """

    id: str
    timestamp: datetime
    data: Annotated[JobEventData | None, Field(description="Null with a reset of more than one job.")]
