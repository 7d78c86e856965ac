"""Jobs: read one, wait for one, list them, cancel one."""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Header, Path, Query, Response

from jobline.domain.errors import Conflict, NotFound
from jobline.domain.record import Record
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.jobs import Cancelled
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.answers.writing import write_job, write_jobs
from jobline.service.events.waiter import Later, Waiter
from jobline.service.intake.headers import MAX_WAIT_S, is_fresh, make_etag
from jobline.service.intake.stamps import to_stamp
from jobline.service.resources import Here, Resources, Tenant
from jobline.service.routes.again import make_again_router
from jobline.service.routes.submit import RETRY_AFTER_S, retry_after_s
from jobline.service.shapes.answers import JobList
from jobline.service.shapes.moments import Moment
from jobline.service.shapes.tasks import unite

JSON = "application/json"
MAX_PAGE = 200
#: Where stamps end: the year 9999.
MAX_STAMP = 253_402_300_800_000_000

JobId = Annotated[str, Path(alias="id", max_length=255, description="The job's id.")]
Wait = Annotated[
    float, Query(ge=0, le=MAX_WAIT_S, description="Answer at the job's end, or after so many seconds.")
]
IfNoneMatch = Annotated[
    str | None, Header(description="The ETag that you hold: answers 304 while it is true.")
]


def add_job_routes(app: FastAPI, resources: Resources) -> None:
    """Add the routes of single jobs and of the list; the typed ones are made from the registry."""
    models = [item.job for item in resources.models.values()]
    job = unite(models)
    app.include_router(make_router(job))
    app.include_router(make_again_router(job))
    for task in resources.registry:
        add_typed_get(app, task.name, task.slug, task.family, resources.models[task.name].job)
    app.add_api_route(
        "/v1/tasks/{task}/jobs/{id}", refuse_unknown_task, methods=["GET"], include_in_schema=False
    )


def make_router(job: Any) -> APIRouter:  # noqa: ANN401 - the union of all jobs, made at run time
    """Declare the routes that serve jobs of every task."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
    router.add_api_route(
        "",
        list_jobs,
        response_model=JobList,
        operation_id="list_jobs",
        summary="List jobs, newest first",
        responses=problems(422, 503),
    )
    router.add_api_route(
        "/{id}",
        get_job,
        response_model=job,
        operation_id="get_job",
        summary="Read a job, or wait for its end",
        responses={**NOT_MODIFIED, **problems(404, 410, 422, 503)},
    )
    router.add_api_route(
        "/{id}/result",
        get_result,
        response_class=Response,
        operation_id="get_job_result",
        summary="Read a job's result alone",
        responses={
            200: {"description": "The result, as its task declares it", "content": {JSON: {"schema": {}}}},
            202: {"description": "Not ready yet; ask again after Retry-After"},
            **problems(404, 409, 410, 422, 503),
        },
    )
    router.add_api_route(
        "/{id}/cancel",
        cancel_job,
        methods=["POST"],
        response_model=job,
        operation_id="cancel_job",
        summary="Revoke a waiting job, or stop a running one",
        responses={
            202: {"model": job, "description": "It runs and is told to stop"},
            **problems(404, 409, 410, 422, 503),
        },
    )
    return router


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


def add_typed_get(app: FastAPI, task: str, slug: str, family: str, model: Any) -> None:  # noqa: ANN401 - as above
    """Declare the read of one task's jobs."""

    async def get_typed(
        here: Here,
        tenant: Tenant,
        job_id: JobId,
        wait: Wait = 0,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        return await read(here, tenant, job_id, wait, partial(write_typed, here, task, if_none_match))

    app.add_api_route(
        f"/v1/tasks/{task}/jobs/{{id}}",
        get_typed,
        response_model=model,
        operation_id=f"get_{slug}",
        tags=[family],
        summary=f"Read a job of {task}",
        responses={**NOT_MODIFIED, **problems(404, 410, 422, 503)},
    )


async def get_job(
    here: Here, tenant: Tenant, job_id: JobId, wait: Wait = 0, if_none_match: IfNoneMatch = None
) -> Response:
    """Answer 200 for a failed job too: its `state` and `error` tell."""
    return await read(here, tenant, job_id, wait, partial(write_answer, here, if_none_match))


async def get_result(here: Here, tenant: Tenant, job_id: JobId, wait: Wait = 0) -> Response:
    """Give the result as it was stored."""
    return await read(here, tenant, job_id, wait, partial(write_result, here))


async def cancel_job(here: Here, tenant: Tenant, job_id: JobId) -> Response:
    """Revoke a waiting job at once and for good; a running one ends REVOKED when its code has stopped."""
    outcome, record = await here.store.run(commands.jobs.cancel(job_id, tenant, here.retention))
    if outcome is Cancelled.FINISHED:
        raise Conflict(f"The job {record.id} ended {record.state} before; there is nothing to cancel.")
    body = write_job(record, tracebacks=here.settings.tracebacks)
    if outcome is Cancelled.ASKED:
        return Response(body, 202, {"Retry-After": str(RETRY_AFTER_S)}, JSON)
    return Response(body, 200, None, JSON)


async def list_jobs(  # noqa: PLR0913, PLR0917 - the filters of the API
    here: Here,
    tenant: Tenant,
    state: State | None = None,
    task: Annotated[str, Query(max_length=200)] = "",
    queue: Annotated[str, Query(max_length=64)] = "",
    tag: Annotated[str, Query(max_length=64)] = "",
    batch_id: Annotated[str, Query(max_length=64)] = "",
    created_after: Moment | None = None,
    created_before: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str, Query(max_length=64, description="`next_cursor` of the page before.")] = "",
) -> Response:
    """Give one page; it stays where it is while jobs come and go."""
    below = [stamp for stamp in (read_cursor(cursor), to_stamp(created_before)) if stamp is not None]
    after = to_stamp(created_after)
    page = await here.store.run(
        commands.jobs.list_jobs(
            tenant,
            limit=limit,
            below_stamp=str(min(below)) if below else "",
            from_stamp="" if after is None else str(after + 1),
            state=state or "",
            task=task,
            queue=queue,
            tag=tag,
            batch_id=batch_id,
        )
    )
    headers, next_cursor = {}, None
    if page.next_stamp:
        next_cursor = write_cursor(page.next_stamp)
        filters = {
            "state": state,
            "task": task,
            "queue": queue,
            "tag": tag,
            "batch_id": batch_id,
            "limit": limit,
            "cursor": next_cursor,
        }
        times = {"created_after": created_after, "created_before": created_before}
        query = {name: value for name, value in filters.items() if value}
        query |= {name: time.isoformat() for name, time in times.items() if time}
        headers["Link"] = f'</v1/jobs?{urlencode(query)}>; rel="next"'
    return Response(
        write_jobs(page.records, next_cursor, tracebacks=here.settings.tracebacks), 200, headers, JSON
    )


async def refuse_unknown_task(here: Here, task: str) -> Response:
    """Say why there is no such task."""
    here.registry.get(task)
    raise AssertionError(task)  # a known task has a route of its own, ahead of this one


async def read(
    here: Resources, tenant: str, job_id: str, wait_s: float, write: Callable[[Record], Response]
) -> Response:
    """Answer with a job as it is now, or at its end."""
    if not wait_s:
        return write(await here.store.run(commands.jobs.read_job(job_id, tenant)))
    await here.hub.ready()
    return Later(await Waiter(here.hub, here.store, job_id, tenant, wait_s, write).read())


def write_answer(here: Resources, if_none_match: str | None, record: Record) -> Response:
    """Write a job, or nothing where the client has it already."""
    body = write_job(record, tracebacks=here.settings.tracebacks)
    headers = {"ETag": make_etag(body)}
    if is_fresh(if_none_match, headers["ETag"]):
        return Response(None, 304, headers)
    if not record.state.is_terminal:
        headers["Retry-After"] = str(retry_after_s(record))
    return Response(body, 200, headers, JSON)


def write_typed(here: Resources, task: str, if_none_match: str | None, record: Record) -> Response:
    """Write a job of one task; raises NotFound for those of others."""
    if record.task != task:
        raise NotFound(f"There is no job {record.id} of {task}.")
    return write_answer(here, if_none_match, record)


def write_result(here: Resources, record: Record) -> Response:
    """Write a job's result, or the job while it has none; raises Conflict where there will be none."""
    if record.state is State.SUCCESS:
        return Response(record.result, media_type=JSON)
    if record.state.is_terminal:
        why = f": {record.error.code}" if record.error else ""
        raise Conflict(f"The job {record.id} has no result; it ended {record.state}{why}.")
    body = write_job(record, tracebacks=here.settings.tracebacks)
    return Response(body, 202, {"Retry-After": str(retry_after_s(record))}, JSON)


def write_cursor(stamp: str) -> str:
    """Write where a page ended as a word that clients do not read."""
    return base64.urlsafe_b64encode(f"1:{stamp}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int | None:
    """Read what `write_cursor` wrote; raises BadParameter for anything else."""
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        version, _, stamp = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        )
    except (binascii.Error, ValueError):
        version = stamp = ""
    if version != "1" or not stamp.isdigit():
        raise BadParameter("The cursor is none of ours: give next_cursor of the page before, as it was.")
    return min(int(stamp), MAX_STAMP)
