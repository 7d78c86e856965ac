"""What there is: the tasks, and the workers that do them."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path

from jobline.domain.errors import NotFound
from jobline.domain.registry import Registry, install_hint
from jobline.domain.task import Task
from jobline.ledger import commands
from jobline.ledger.commands.clock import WorkerSeen
from jobline.service.answers.problems import problems
from jobline.service.resources import Here
from jobline.service.shapes.answers import TaskInfo, TaskList, WorkerInfo, WorkerList

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/tasks", operation_id="list_tasks", summary="List the tasks")
async def list_tasks(here: Here) -> TaskList:
    """Describe every task, those that wait for a missing package too."""
    return TaskList(items=[describe(task) for task in declared(here.registry).values()])


@router.get("/tasks/{task}", operation_id="get_task", summary="Describe a task", responses=problems(404, 422))
async def get_task(here: Here, task: Annotated[str, Path(max_length=200)]) -> TaskInfo:
    """Give what it takes and gives as JSON Schema, and how it is run."""
    found = declared(here.registry).get(task)
    if found is None:
        raise NotFound(here.registry.why_missing(task))
    return describe(found)


@router.get("/workers", operation_id="list_workers", summary="List the workers", responses=problems(503))
async def list_workers(here: Here) -> WorkerList:
    """Tell who showed a heartbeat in the last minute."""
    seen = await here.store.run(commands.clock.workers())
    return WorkerList(items=[describe_worker(worker) for worker in seen])


def declared(registry: Registry) -> dict[str, Task[Any, Any]]:
    """Give all tasks by name, sorted."""
    return dict(sorted({**registry.tasks, **registry.unavailable}.items()))


def describe(task: Task[Any, Any]) -> TaskInfo:
    """Give one task's entry."""
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
        input_schema=task.input.model_json_schema(mode="validation"),
        result_schema=task.result.model_json_schema(mode="serialization"),
    )


def describe_worker(seen: WorkerSeen) -> WorkerInfo:
    """Give one worker's entry."""
    about = orjson.loads(seen.about)
    return WorkerInfo(
        name=seen.name,
        hostname=about.get("hostname", ""),
        queues=about.get("queues", []),
        capacity=about.get("capacity", 0),
        busy=about.get("busy", 0),
        heartbeat_age_s=seen.age_ms / 1000,
    )
