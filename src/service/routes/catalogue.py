"""What the service offers: the tasks, and the workers that run them."""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.routing import BaseRoute

from jobline.domain.access import Scope
from jobline.domain.errors import NotFound
from jobline.domain.registry import Registry, install_hint
from jobline.domain.schemas import input_schema, result_schema
from jobline.domain.task import Task
from jobline.ledger import commands
from jobline.ledger.commands.clock import WorkerStats
from jobline.service.answers.problems import problems
from jobline.service.guards.scopes import needs
from jobline.service.resources import Resources, ResourcesDep
from jobline.service.routes.parameters import TaskName
from jobline.service.shapes.catalogue import TaskInfo, TaskList, WorkerInfo, WorkerList

router = APIRouter(prefix="/v1", tags=["catalogue"])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the routes of the catalogue. They follow those of single tasks and answer unknown names."""
    return router.routes


@router.get(
    "/tasks",
    operation_id="list_tasks",
    response_description="The tasks.",
    summary="List the tasks",
    openapi_extra=needs(Scope.READ),
)
async def list_tasks(resources: ResourcesDep) -> TaskList:
    """Return every declared task, also those that are not available because a package is missing."""
    return TaskList(items=[describe_task(task) for task in find_declared(resources.registry).values()])


@router.get(
    "/tasks/{task}",
    operation_id="get_task",
    response_description="The task.",
    summary="Describe a task",
    responses=problems(404, 422),
    openapi_extra=needs(Scope.READ),
)
async def get_task(resources: ResourcesDep, task: TaskName) -> TaskInfo:
    """Return the JSON Schemas of a task's input and result, and its defaults."""
    found = find_declared(resources.registry).get(task)
    if found is None:
        raise make_not_found(resources.registry, task)
    return describe_task(found)


@router.post("/tasks/{task}/jobs", include_in_schema=False, openapi_extra=needs(Scope.SUBMIT))
@router.get("/tasks/{task}/jobs/{id}", include_in_schema=False, openapi_extra=needs(Scope.READ))
async def refuse_unknown_task(resources: ResourcesDep, task: str) -> None:
    """Answer for tasks that do not exist or are not available: all others have routes of their own."""
    raise make_not_found(resources.registry, task)


@router.get(
    "/workers",
    operation_id="list_workers",
    response_description="The workers.",
    summary="List the workers",
    responses=problems(503),
    openapi_extra=needs(Scope.ADMIN),
)
async def list_workers(resources: ResourcesDep) -> WorkerList:
    """Return the workers that sent a heartbeat within the last minute."""
    seen = await resources.store.run(commands.clock.workers())
    return WorkerList(items=[describe_worker(worker) for worker in seen])


def make_not_found(registry: Registry, name: str) -> NotFound:
    """Return the error for a task that is not on offer."""
    reason = registry.why_missing(name)
    return NotFound(reason if name in registry.unavailable else f"{reason} GET /v1/tasks lists the tasks.")


def find_declared(registry: Registry) -> dict[str, Task[Any, Any]]:
    """Return all tasks, available or not, sorted by name."""
    return dict(sorted({**registry.tasks, **registry.unavailable}.items()))


def describe_task(task: Task[Any, Any]) -> TaskInfo:
    """Return the description of one task."""
    return TaskInfo(
        name=task.name,
        family=task.family,
        summary=task.summary,
        description=task.description,
        queue=task.queue,
        max_attempts=task.max_attempts,
        timeout_s=task.timeout_s,
        max_running=task.max_running,
        retry=task.retry,
        available=not task.missing,
        install=install_hint(task) if task.missing else None,
        input_schema=input_schema(task),
        result_schema=result_schema(task),
    )


def describe_worker(seen: WorkerStats) -> WorkerInfo:
    """Return the description of one worker."""
    about = orjson.loads(seen.about)
    return WorkerInfo(
        name=seen.name,
        hostname=about.get("hostname", ""),
        queues=about.get("queues", []),
        capacity=about.get("capacity", 0),
        busy=about.get("busy", 0),
        heartbeat_age_s=seen.age_ms / 1000,
    )
