"""Queues: how they stand, pause and resume."""

from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from jobline.domain.errors import NotFound
from jobline.ledger import commands
from jobline.ledger.commands.queues import QueueSeen
from jobline.service.answers.problems import problems
from jobline.service.resources import Here, Resources
from jobline.service.routes.catalogue import describe_worker
from jobline.service.shapes.answers import Answer

router = APIRouter(prefix="/v1/queues", tags=["queues"])
QueueName = Annotated[str, Path(max_length=64, description="The queue's name.")]


class TaskLimit(Answer):
    """Bound the running jobs of one task."""

    task: str
    max_running: int


class QueueLimits(Answer):
    """Hold the limits that apply in a queue."""

    depth: Annotated[
        int, Field(description="Waiting and scheduled jobs that it takes before it answers 429.")
    ]
    tenant_max_running: Annotated[int | None, Field(description="Running jobs of one tenant.")]
    tasks: list[TaskLimit]


class QueueRates(Answer):
    """Tell how many jobs a minute came to an end."""

    last_minute: float
    last_5_minutes: float


class Queue(Answer):
    """Tell how a queue stands."""

    name: str
    paused: bool
    depth: Annotated[int, Field(description="Jobs that wait to be started.")]
    depth_by_priority: Annotated[list[int], Field(description="The same by priority, from 0 to 9.")]
    scheduled: Annotated[int, Field(description="Jobs that are due later.")]
    running: int
    oldest_age_s: Annotated[float | None, Field(description="How long the first of them has waited.")]
    finished_per_minute: QueueRates
    limits: QueueLimits


class QueueList(Answer):
    """Hold the queues by name."""

    items: list[Queue]


@router.get("", operation_id="list_queues", summary="List the queues", responses=problems(503))
async def list_queues(here: Here) -> QueueList:
    """Give those that tasks name, that workers serve, that hold jobs or are paused."""
    return QueueList(items=[await read(here, name) for name in sorted(await find_names(here))])


@router.get(
    "/{queue}", operation_id="get_queue", summary="Describe a queue", responses=problems(404, 422, 503)
)
async def get_queue(here: Here, queue: QueueName) -> Queue:
    """Tell its depth, age and rates as they are now."""
    await check(here, queue)
    return await read(here, queue)


@router.post(
    "/{queue}/pause",
    operation_id="pause_queue",
    summary="Let no more jobs of a queue start",
    responses=problems(404, 422, 503),
)
async def pause_queue(here: Here, queue: QueueName) -> Queue:
    """Hold until it is resumed, over restarts of everything; running jobs go on, new ones are taken."""
    await check(here, queue)
    await here.store.run(commands.queues.pause(queue))
    return await read(here, queue)


@router.post(
    "/{queue}/resume",
    operation_id="resume_queue",
    summary="Let jobs of a paused queue start again",
    responses=problems(404, 422, 503),
)
async def resume_queue(here: Here, queue: QueueName) -> Queue:
    """Wake the workers, too."""
    await check(here, queue)
    await here.store.run(commands.queues.resume(queue))
    return await read(here, queue)


async def find_names(here: Resources) -> set[str]:
    """Name every queue that there is."""
    served = [describe_worker(seen).queues for seen in await here.store.run(commands.clock.workers())]
    return {*here.registry.queues, *chain(*served), *await here.store.run(commands.queues.list_queues())}


async def check(here: Resources, name: str) -> None:
    """Refuse a queue that nobody knows of."""
    if name not in here.registry.queues and name not in await find_names(here):
        raise NotFound(f"There is no queue {name!r}; GET /v1/queues lists those there are.")


async def read(here: Resources, name: str) -> Queue:
    """Read one queue."""
    limited = {task.name: task.max_running for task in here.registry if task.max_running is not None}
    seen = await here.store.run(commands.queues.read_queue(name, limited))
    tasks = [
        TaskLimit(task=task, max_running=limit)
        for task, limit in limited.items()
        if here.registry.get(task).queue == name
    ]
    return Queue(
        name=name,
        paused=seen.is_paused,
        depth=seen.depth - seen.scheduled,
        depth_by_priority=list(seen.by_priority),
        scheduled=seen.scheduled,
        running=seen.running,
        oldest_age_s=seen.oldest_age_s,
        finished_per_minute=count_rates(seen),
        limits=QueueLimits(
            depth=here.settings.queue_limit,
            tenant_max_running=here.settings.tenant_max_running or None,
            tasks=tasks,
        ),
    )


def count_rates(seen: QueueSeen) -> QueueRates:
    """Average over the last minutes: of the oldest one counts the part that still lies within."""
    within = 1 - seen.seen_at.second / 60
    last_5 = sum(seen.ended[:5]) + seen.ended[5] * within
    return QueueRates(
        last_minute=round(seen.ended[0] + seen.ended[1] * within, 1), last_5_minutes=round(last_5 / 5, 1)
    )
