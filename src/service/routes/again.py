"""One job that has ended: repeat it as a new one, or delete it before its time."""

from typing import Annotated, Any

import uuid_utils
from fastapi import APIRouter, Path, Response

from jobline.domain.errors import Conflict
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.service.answers.problems import problems
from jobline.service.answers.writing import write_job
from jobline.service.resources import Here, Tenant
from jobline.service.routes.submit import RETRY_AFTER_S

JobId = Annotated[str, Path(alias="id", max_length=255, description="The job's id.")]


def make_again_router(job: Any) -> APIRouter:  # noqa: ANN401 - the union of all jobs, made at run time
    """Declare the routes."""
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
    router.add_api_route(
        "/{id}/retry",
        retry_job,
        methods=["POST"],
        status_code=202,
        response_model=job,
        operation_id="retry_job",
        summary="Repeat a job that failed or was revoked",
        responses=problems(404, 409, 410, 422, 429, 503),
    )
    router.add_api_route(
        "/{id}",
        delete_job,
        methods=["DELETE"],
        status_code=204,
        operation_id="delete_job",
        summary="Delete a job that has ended, with its artifacts",
        responses=problems(404, 409, 410, 422, 503),
    )
    return router


async def retry_job(here: Here, tenant: Tenant, job_id: JobId) -> Response:
    """Make a new job of the same input, options and files; its `retry_of` names the old one."""
    new_id, limit = str(uuid_utils.uuid7()), here.settings.queue_limit
    answer = await here.store.run(commands.jobs.retry_job(job_id, tenant, new_id, queue_limit=limit))
    if isinstance(answer, State):
        raise Conflict(f"The job {job_id} is {answer}; only FAILURE and REVOKED are repeated.")
    record = answer.accepted()
    headers = {"location": f"/v1/jobs/{new_id}", "retry-after": str(RETRY_AFTER_S)}
    body = write_job(record, tracebacks=here.settings.tracebacks)
    return Response(body, 202, headers, "application/json")


async def delete_job(here: Here, tenant: Tenant, job_id: JobId) -> Response:
    """Forget it at once; its id answers 410 for as long as an expired one's."""
    unfit = await here.store.run(commands.jobs.delete(job_id, tenant, here.retention))
    if unfit is not None:
        raise Conflict(
            f"The job {job_id} is {unfit}; only jobs that have ended are deleted. Cancel it first."
        )
    return Response(None, 204)
