"""Queues: their status, pause and resume."""

from collections.abc import Iterable
from itertools import chain

import orjson
from fastapi import APIRouter
from starlette.routing import BaseRoute

from jobline.domain.access import Scope
from jobline.domain.errors import NotFound
from jobline.ledger import commands
from jobline.ledger.commands.queues import QueueStats
from jobline.service.answers.problems import problems
from jobline.service.guards.scopes import needs
from jobline.service.resources import Resources, ResourcesDep
from jobline.service.routes.catalogue import describe_worker
from jobline.service.routes.parameters import QueueName
from jobline.service.shapes.queues import (
    Queue,
    QueueLimits,
    QueueList,
    QueueRates,
    TaskLimit,
    UnservedTask,
)

router = APIRouter(prefix="/v1/queues", tags=["queues"])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the routes of queues."""
    return router.routes


@router.get(
    "",
    operation_id="list_queues",
    response_description="The queues.",
    summary="List the queues",
    responses=problems(503),
    openapi_extra=needs(Scope.READ),
)
async def list_queues(resources: ResourcesDep) -> QueueList:
    """Return the queues that tasks declare, that workers serve, that hold jobs or that are paused."""
    return QueueList(
        items=[await read_queue(resources, name) for name in sorted(await find_names(resources))]
    )


@router.get(
    "/{queue}",
    operation_id="get_queue",
    response_description="The queue.",
    summary="Describe a queue",
    responses=problems(404, 422, 503),
    openapi_extra=needs(Scope.READ),
)
async def get_queue(resources: ResourcesDep, queue: QueueName) -> Queue:
    """Return the current depth, age, rates and limits of a queue."""
    await check_name(resources, queue)
    return await read_queue(resources, queue)


@router.post(
    "/{queue}/pause",
    operation_id="pause_queue",
    response_description="The queue, paused.",
    summary="Pause a queue",
    responses=problems(404, 422, 503),
    openapi_extra=needs(Scope.ADMIN),
)
async def pause_queue(resources: ResourcesDep, queue: QueueName) -> Queue:
    """Let no job of the queue start until it is resumed. Running jobs continue, submits are accepted."""
    await check_name(resources, queue)
    await resources.store.run(commands.queues.pause(queue))
    return await read_queue(resources, queue)


@router.post(
    "/{queue}/resume",
    operation_id="resume_queue",
    response_description="The queue, not paused any more.",
    summary="Resume a queue",
    responses=problems(404, 422, 503),
    openapi_extra=needs(Scope.ADMIN),
)
async def resume_queue(resources: ResourcesDep, queue: QueueName) -> Queue:
    """Let jobs of a paused queue start again."""
    await check_name(resources, queue)
    await resources.store.run(commands.queues.resume(queue))
    return await read_queue(resources, queue)


async def find_names(resources: Resources) -> set[str]:
    """Return the names of all queues."""
    workers = await resources.store.run(commands.clock.workers())
    served = chain.from_iterable(describe_worker(worker).queues for worker in workers)
    return {*resources.registry.queues, *served, *await resources.store.run(commands.queues.list_queues())}


async def check_name(resources: Resources, name: str) -> None:
    """Raise NotFound for the name of a queue that does not exist."""
    if name not in resources.registry.queues and name not in await find_names(resources):
        raise NotFound(f"There is no queue {name!r}. GET /v1/queues lists the queues.")


async def read_queue(resources: Resources, name: str) -> Queue:
    """Return the status of one queue."""
    limited = {task.name: task.max_running for task in resources.registry if task.max_running is not None}
    seen = await resources.store.run(commands.queues.read_queue(name, limited))
    tasks = [
        TaskLimit(task=task, max_running=limit)
        for task, limit in limited.items()
        if resources.registry.get(task).queue == name
    ]
    known = await find_known_tasks(resources, name) if seen.unserved else set()
    return Queue(
        name=name,
        paused=seen.is_paused,
        depth=seen.depth - seen.scheduled,
        depth_by_priority=list(seen.by_priority),
        scheduled=seen.scheduled,
        running=seen.running,
        oldest_age_s=seen.oldest_age_s,
        finished_per_minute=average_rates(seen),
        limits=QueueLimits(
            depth=resources.settings.queue_limit,
            tenant_max_running=resources.settings.tenant_max_running or None,
            tasks=tasks,
        ),
        unserved=[
            UnservedTask(task=task, waiting=waiting)
            for task, waiting in sorted(seen.unserved.items())
            if task not in known
        ],
    )


async def find_known_tasks(resources: Resources, queue: str) -> set[str]:
    """Return the tasks that some worker of a queue can run."""
    workers = [orjson.loads(worker.about) for worker in await resources.store.run(commands.clock.workers())]
    return {task for about in workers if queue in about.get("queues", []) for task in about.get("tasks", [])}


def average_rates(seen: QueueStats) -> QueueRates:
    """Return the rates. The ledger counts by full minute, so only a part of the oldest minute counts."""
    within = 1 - seen.seen_at.second / 60
    last_5 = sum(seen.ended[:5]) + seen.ended[5] * within
    return QueueRates(
        last_minute=round(seen.ended[0] + seen.ended[1] * within, 1), last_5_minutes=round(last_5 / 5, 1)
    )
