"""The models of queues."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobline.service.shapes.answer import Answer


class TaskLimit(Answer):
    """The limit on running jobs of one task."""

    task: Annotated[str, Field(description="Name of the task.")]
    max_running: Annotated[int, Field(description="Maximum number of its jobs that run at once.")]


class QueueLimits(Answer):
    """The limits that apply to a queue."""

    depth: Annotated[
        int, Field(description="Maximum number of waiting and scheduled jobs; beyond it, submits get 429.")
    ]
    tenant_max_running: Annotated[
        int | None, Field(description="Maximum number of running jobs of one tenant; null for no limit.")
    ]
    tasks: Annotated[list[TaskLimit], Field(description="Limits of single tasks of the queue.")]


class UnservedTask(Answer):
    """Waiting jobs that no worker of the queue can run."""

    task: Annotated[str, Field(description="Name of the task.")]
    waiting: Annotated[int, Field(description="Number of its jobs that wait for a worker that knows it.")]


class QueueRates(Answer):
    """How many jobs finished per minute."""

    last_minute: Annotated[float, Field(description="Jobs that finished within the last minute.")]
    last_5_minutes: Annotated[float, Field(description="Average per minute over the last five minutes.")]


class Queue(Answer):
    """The current status of a queue."""

    name: Annotated[str, Field(description="Name of the queue.")]
    paused: Annotated[bool, Field(description="Whether the queue is paused: no job of it starts.")]
    depth: Annotated[int, Field(description="Number of jobs that wait to be started.")]
    depth_by_priority: Annotated[
        list[int], Field(description="The depth by priority: ten numbers, from priority 0 to 9.")
    ]
    scheduled: Annotated[int, Field(description="Number of jobs that are due later.")]
    running: Annotated[int, Field(description="Number of running jobs.")]
    oldest_age_s: Annotated[
        float | None,
        Field(description="Seconds that the longest waiting job has waited; null if none waits."),
    ]
    finished_per_minute: Annotated[QueueRates, Field(description="Rate of finished jobs.")]
    limits: Annotated[QueueLimits, Field(description="Limits that apply to the queue.")]
    unserved: Annotated[
        list[UnservedTask],
        Field(
            description="Tasks whose jobs wait because no worker of the queue knows them, as during a "
            "deployment. A worker that knows the task starts them within seconds."
        ),
    ]


class QueueList(Answer):
    """All queues, sorted by name."""

    items: Annotated[list[Queue], Field(description="The queues.")]
