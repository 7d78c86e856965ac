"""The models of what the service offers and how it is doing: tasks, workers, health."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobline.domain.retry import RetryPolicy
from jobline.service.shapes.answer import Answer


class TaskInfo(Answer):
    """The description of one task: its input, its result and its defaults."""

    name: Annotated[str, Field(description="Full name, such as `image.thumbnail`.")]
    family: Annotated[str, Field(description="First part of the name, such as `image`.")]
    summary: Annotated[str, Field(description="One line about what the task does.")]
    description: Annotated[str, Field(description="Longer description. May be empty.")]
    queue: Annotated[str, Field(description="Default queue.")]
    max_attempts: Annotated[int, Field(description="Default maximum number of attempts.")]
    timeout_s: Annotated[float, Field(description="Default time limit of one attempt in seconds.")]
    max_running: Annotated[
        int | None, Field(description="Maximum number of jobs that run at once; null for no limit.")
    ]
    retry: Annotated[RetryPolicy, Field(description="How long to wait between attempts.")]
    available: Annotated[bool, Field(description="Whether this service accepts jobs of the task.")]
    install: Annotated[
        str | None, Field(description="What to install if the task is not available; otherwise null.")
    ]
    input_schema: Annotated[
        dict[str, Any],  # Any: a schema is any JSON
        Field(description="JSON Schema of the input."),
    ]
    result_schema: Annotated[dict[str, Any], Field(description="JSON Schema of the result.")]


class TaskList(Answer):
    """All declared tasks, sorted by name."""

    items: Annotated[list[TaskInfo], Field(description="The tasks.")]


class WorkerInfo(Answer):
    """One worker, as its last heartbeat described it."""

    name: Annotated[str, Field(description="Celery node name.")]
    hostname: Annotated[str, Field(description="Name of the machine that the worker runs on.")]
    queues: Annotated[list[str], Field(description="Queues that the worker serves.")]
    capacity: Annotated[int, Field(description="Number of jobs that the worker can run at once.")]
    busy: Annotated[int, Field(description="Number of jobs that the worker is running now.")]
    heartbeat_age_s: Annotated[float, Field(description="Seconds since the last heartbeat.")]


class WorkerList(Answer):
    """The workers that sent a heartbeat within the last minute."""

    items: Annotated[list[WorkerInfo], Field(description="The workers.")]


class Health(Answer):
    """The outcome of a successful health check."""

    status: Annotated[str, Field(description="`live` or `ready`.")]
