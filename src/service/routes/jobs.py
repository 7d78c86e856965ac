"""One job: read it, wait for it, cancel, retry and delete it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import uuid_utils
from fastapi import APIRouter, Response
from starlette.routing import BaseRoute

from jobline.domain.access import Scope
from jobline.domain.errors import Conflict, NotFound
from jobline.domain.record import Record
from jobline.domain.state import State
from jobline.domain.task import Task
from jobline.ledger import commands
from jobline.ledger.commands.jobs import Cancelled
from jobline.service.answers.content import write_job
from jobline.service.answers.etags import is_current, make_etag
from jobline.service.answers.json_answer import JSON
from jobline.service.answers.problems import problems
from jobline.service.answers.retry_after import RETRY_AFTER_S, retry_after_s
from jobline.service.events.waiting import AsgiResponse, JobWait
from jobline.service.guards.scopes import needs
from jobline.service.resources import Resources, ResourcesDep, Tenant
from jobline.service.routes.parameters import IfNoneMatch, JobId, Wait
from jobline.service.shapes.task_models import make_job_union

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Your copy is current."}}


def routes(resources: Resources) -> Iterable[BaseRoute]:
    """Return the routes for jobs of every task, and one typed read for each task."""
    job = make_job_union(models.job for models in resources.models.values())
    router = APIRouter(tags=["jobs"])
    add_reads(router, job)
    add_changes(router, job)
    typed = APIRouter()
    for task in resources.registry:
        add_typed_read(typed, task, resources.models[task.name].job)
    return [*router.routes, *typed.routes]


def add_reads(router: APIRouter, job: Any) -> None:  # noqa: ANN401 - the union of all jobs, created at run time
    """Declare the routes that change nothing."""
    router.add_api_route(
        "/v1/jobs/{id}",
        get_job,
        response_model=job,
        operation_id="get_job",
        response_description="The job.",
        summary="Read a job",
        responses={**NOT_MODIFIED, **problems(404, 410, 422, 503)},
        openapi_extra=needs(Scope.READ),
    )
    router.add_api_route(
        "/v1/jobs/{id}/result",
        get_result,
        response_class=Response,
        operation_id="get_job_result",
        summary="Read the result of a job",
        responses={
            200: {"description": "The result, as the task declares it.", "content": {JSON: {"schema": {}}}},
            202: {"description": "The job has not finished. Try again after `Retry-After`."},
            **problems(404, 409, 410, 422, 503),
        },
        openapi_extra=needs(Scope.READ),
    )


def add_changes(router: APIRouter, job: Any) -> None:  # noqa: ANN401 - as above
    """Declare the routes that change a job."""
    router.add_api_route(
        "/v1/jobs/{id}/cancel",
        cancel_job,
        methods=["POST"],
        response_model=job,
        operation_id="cancel_job",
        response_description="The job is revoked: it was waiting, or it had been revoked before.",
        summary="Cancel a job",
        responses={
            202: {"model": job, "description": "The job is running and was asked to stop."},
            **problems(404, 409, 410, 422, 503),
        },
        openapi_extra=needs(Scope.MANAGE),
    )
    router.add_api_route(
        "/v1/jobs/{id}/retry",
        retry_job,
        methods=["POST"],
        status_code=202,
        response_model=job,
        operation_id="retry_job",
        response_description="The new job was accepted.",
        summary="Retry a failed or revoked job",
        responses=problems(404, 409, 410, 422, 429, 503),
        openapi_extra=needs(Scope.MANAGE),
    )
    router.add_api_route(
        "/v1/jobs/{id}",
        delete_job,
        methods=["DELETE"],
        status_code=204,
        operation_id="delete_job",
        response_description="The job was deleted.",
        summary="Delete a finished job",
        responses=problems(404, 409, 410, 422, 503),
        openapi_extra=needs(Scope.MANAGE),
    )


def add_typed_read(router: APIRouter, task: Task[Any, Any], job: Any) -> None:  # noqa: ANN401 - as above
    """Declare the read of one task's jobs."""
    name = task.name

    async def get_typed(
        resources: ResourcesDep,
        tenant: Tenant,
        job_id: JobId,
        wait: Wait = 0,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        return await read(
            resources, tenant, job_id, wait, partial(write_typed, resources, name, if_none_match)
        )

    router.add_api_route(
        f"/v1/tasks/{name}/jobs/{{id}}",
        get_typed,
        response_model=job,
        operation_id=f"get_{task.slug}",
        response_description="The job.",
        tags=[task.family],
        summary=f"Read a job of {name}",
        description="Like `GET /v1/jobs/{id}`, with the result type of this task; 404 for other tasks.",
        responses={**NOT_MODIFIED, **problems(404, 410, 422, 503)},
        openapi_extra=needs(Scope.READ),
    )


async def get_job(
    resources: ResourcesDep, tenant: Tenant, job_id: JobId, wait: Wait = 0, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the job as it is now. With `wait`, return it when it finishes or the time is over.

    The status is 200 for a failed job too; see its `state` and `error`.
    """
    return await read(resources, tenant, job_id, wait, partial(write_answer, resources, if_none_match))


async def get_result(resources: ResourcesDep, tenant: Tenant, job_id: JobId, wait: Wait = 0) -> Response:
    """Return the result alone. A job that has not finished is a 202, one without a result a 409."""
    return await read(resources, tenant, job_id, wait, partial(write_result, resources))


async def cancel_job(resources: ResourcesDep, tenant: Tenant, job_id: JobId) -> Response:
    """Revoke a waiting job at once. A running job is asked to stop and is REVOKED once it has."""
    outcome, record = await resources.store.run(commands.jobs.cancel(job_id, tenant, resources.retention))
    if outcome is Cancelled.FINISHED:
        raise Conflict(f"The job {record.id} has already finished as {record.state}.")
    body = write_job(record, tracebacks=resources.settings.tracebacks)
    if outcome is Cancelled.REQUESTED:
        return Response(body, 202, {"Retry-After": str(RETRY_AFTER_S)}, JSON)
    return Response(body, 200, None, JSON)


async def retry_job(resources: ResourcesDep, tenant: Tenant, job_id: JobId) -> Response:
    """Create a new job with the same input, options and files. Its `retry_of` is the ID of this job."""
    new_id, limit = str(uuid_utils.uuid7()), resources.settings.queue_limit
    answer = await resources.store.run(commands.jobs.retry_job(job_id, tenant, new_id, queue_limit=limit))
    if isinstance(answer, State):
        raise Conflict(f"The job {job_id} is {answer}; only FAILURE and REVOKED jobs can be retried.")
    record = answer.accepted()
    headers = {"location": f"/v1/jobs/{new_id}", "retry-after": str(RETRY_AFTER_S)}
    return Response(write_job(record, tracebacks=resources.settings.tracebacks), 202, headers, JSON)


async def delete_job(resources: ResourcesDep, tenant: Tenant, job_id: JobId) -> Response:
    """Delete the job, its result and its artifacts. Reading it then returns 410, like an expired job."""
    unfinished = await resources.store.run(commands.jobs.delete(job_id, tenant, resources.retention))
    if unfinished is not None:
        raise Conflict(
            f"The job {job_id} is {unfinished}; only finished jobs can be deleted. Cancel it first."
        )
    return Response(None, 204)


async def read(
    resources: Resources, tenant: str, job_id: str, wait_s: float, write: Callable[[Record], Response]
) -> Response:
    """Answer with a job as it is now, or with ``wait_s`` when it finishes or the time is over."""
    if not wait_s:
        return write(await resources.store.run(commands.jobs.read_job(job_id, tenant)))
    await resources.dispatcher.ready()
    wait = JobWait(resources.dispatcher, resources.store, job_id, tenant, wait_s, write)
    return AsgiResponse(await wait.read())


def write_answer(resources: Resources, if_none_match: str | None, record: Record) -> Response:
    """Return the response with a job, or 304 if the client's copy is current."""
    body = write_job(record, tracebacks=resources.settings.tracebacks)
    headers = {"ETag": make_etag(body)}
    if is_current(if_none_match, headers["ETag"]):
        return Response(None, 304, headers)
    if not record.state.is_terminal:
        headers["Retry-After"] = str(retry_after_s(record))
    return Response(body, 200, headers, JSON)


def write_typed(resources: Resources, task: str, if_none_match: str | None, record: Record) -> Response:
    """Return the response with a job of one task; raises NotFound for a job of another one."""
    if record.task != task:
        raise NotFound(f"There is no job {record.id} of {task}.")
    return write_answer(resources, if_none_match, record)


def write_result(resources: Resources, record: Record) -> Response:
    """Return the response with the result or with the unfinished job; Conflict if there is no result."""
    if record.state is State.SUCCESS:
        return Response(record.result, media_type=JSON)
    if record.state.is_terminal:
        code = f" with the error {record.error.code}" if record.error else ""
        raise Conflict(f"The job {record.id} has no result: it finished as {record.state}{code}.")
    body = write_job(record, tracebacks=resources.settings.tracebacks)
    return Response(body, 202, {"Retry-After": str(retry_after_s(record))}, JSON)
