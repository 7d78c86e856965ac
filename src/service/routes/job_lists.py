"""Many jobs by a filter: list, cancel and retry them.

One script call handles a bounded number of jobs, so that it does not block Redis; the bulk operations repeat
it.
"""

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

import uuid_utils
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from jobline.domain.access import Scope
from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.jobs import Filter
from jobline.service.answers.content import write_jobs
from jobline.service.answers.json_answer import JSON
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.guards.scopes import needs
from jobline.service.intake.cursors import read_cursor, write_cursor
from jobline.service.resources import Resources, ResourcesDep, Tenant
from jobline.service.shapes.jobs import CancelCounts, JobList, RetryCounts
from jobline.service.shapes.timestamps import Timestamp, to_microseconds

MAX_PAGE = 200
#: Jobs of one script call: about 3 ms in Redis.
BULK_PAGE = 200
#: A bulk operation stops after this long, because proxies stop waiting too; `has_more` tells the client.
MAX_BULK_S = 20.0
ACTIVE = (State.PENDING, State.RETRY, State.STARTED)
RETRYABLE = (State.FAILURE, State.REVOKED)

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the routes of lists and bulk operations."""
    return router.routes


class JobFilter(BaseModel):
    """The filters for jobs; a job must match all of them."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[State | None, Field(description="Only jobs in this state.")] = None
    task: Annotated[str, Field(max_length=200, description="Only jobs of this task.")] = ""
    queue: Annotated[str, Field(max_length=64, description="Only jobs in this queue.")] = ""
    tag: Annotated[str, Field(max_length=64, description="Only jobs with this tag.")] = ""
    batch_id: Annotated[str, Field(max_length=64, description="Only jobs of this batch.")] = ""
    created_after: Annotated[Timestamp | None, Field(description="Only jobs created after this time.")] = None
    created_before: Annotated[Timestamp | None, Field(description="Only jobs created before this time.")] = (
        None
    )


class ListQuery(JobFilter):
    """The filters of a list, and its page."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="Maximum number of jobs to return.")] = 50
    cursor: Annotated[
        str, Field(max_length=64, description="`next_cursor` of the previous page; empty for the first page.")
    ] = ""


class BulkFilter(JobFilter):
    """The filters of a bulk operation. Unknown ones are refused: a typing error must not select all jobs."""

    model_config = ConfigDict(extra="forbid")


@router.get(
    "",
    response_model=JobList,
    operation_id="list_jobs",
    response_description="One page of jobs.",
    summary="List jobs",
    responses=problems(422, 503),
    openapi_extra=needs(Scope.READ),
)
async def list_jobs(
    resources: ResourcesDep, tenant: Tenant, query: Annotated[ListQuery, Query()]
) -> Response:
    """Return one page of jobs, newest first. Pages stay stable while jobs are created and deleted."""
    page = await resources.store.run(
        commands.jobs.list_jobs(
            tenant,
            limit=query.limit,
            below_stamp=write_end(query, read_cursor(query.cursor)),
            from_stamp=write_begin(query),
            state=query.state or "",
            task=query.task,
            queue=query.queue,
            tag=query.tag,
            batch_id=query.batch_id,
        )
    )
    headers, cursor = {}, None
    if page.next_stamp:
        cursor = write_cursor(page.next_stamp)
        headers["Link"] = f'</v1/jobs?{urlencode(next_query(query, cursor))}>; rel="next"'
    return Response(
        write_jobs(page.records, cursor, tracebacks=resources.settings.tracebacks), 200, headers, JSON
    )


@router.post(
    "/cancel",
    operation_id="cancel_jobs",
    response_description="The number of jobs that were cancelled.",
    summary="Cancel all matching jobs",
    responses=problems(422, 503),
    openapi_extra=needs(Scope.MANAGE),
)
async def cancel_jobs(
    resources: ResourcesDep, tenant: Tenant, filters: Annotated[BulkFilter, Query()]
) -> CancelCounts:
    """Revoke waiting jobs, and ask running ones to stop. At least one filter is required."""
    states = choose_states(filters, ACTIVE)
    end, revoked, asked, below = time.monotonic() + MAX_BULK_S, 0, 0, None
    while states:
        part = await resources.store.run(
            commands.bulk.cancel(
                write_filter(tenant, filters, states, below), limit=BULK_PAGE, retention=resources.retention
            )
        )
        revoked, asked, below = revoked + part.revoked, asked + part.requested, part.next_stamp
        if not below or time.monotonic() > end:
            break
    return CancelCounts(revoked=revoked, cancel_requested=asked, has_more=bool(below))


@router.post(
    "/retry",
    operation_id="retry_jobs",
    response_description="The number of jobs that were retried.",
    summary="Retry all matching failed or revoked jobs",
    responses=problems(422, 503),
    openapi_extra=needs(Scope.MANAGE),
)
async def retry_jobs(
    resources: ResourcesDep, tenant: Tenant, filters: Annotated[BulkFilter, Query()]
) -> RetryCounts:
    """Create a new job for each match that was not retried before. At least one filter is required."""
    states = choose_states(filters, RETRYABLE)
    end, retried, skipped, below, is_full = time.monotonic() + MAX_BULK_S, 0, 0, None, False
    while states:
        part = await resources.store.run(
            commands.bulk.retry(
                write_filter(tenant, filters, states, below),
                [str(uuid_utils.uuid7()) for _ in range(BULK_PAGE)],
                queue_limit=resources.settings.queue_limit,
            )
        )
        retried, skipped, below = retried + part.retried, skipped + part.skipped, part.next_stamp
        is_full = part.is_full
        if is_full or not below or time.monotonic() > end:
            break
    return RetryCounts(retried=retried, skipped=skipped, has_more=is_full or bool(below))


def choose_states(filters: BulkFilter, possible: tuple[State, ...]) -> str:
    """Return the states to select, out of the possible ones; raises BadParameter without filters."""
    if not any(filters.model_dump().values()):
        names = ", ".join(BulkFilter.model_fields)
        raise BadParameter(
            f"At least one filter is required, so that nobody selects all jobs by accident: {names}."
        )
    return " ".join(state for state in possible if filters.state in {None, state})


def write_filter(tenant: str, filters: BulkFilter, states: str, below: str | None) -> Filter:
    """Return the filter for the ledger; ``below`` is where the previous page ended."""
    return Filter(
        tenant=tenant,
        below_stamp=below or write_end(filters),
        from_stamp=write_begin(filters),
        state=states,
        task=filters.task,
        queue=filters.queue,
        tag=filters.tag,
        batch_id=filters.batch_id,
    )


def write_begin(filters: JobFilter) -> str:
    """Return the lowest position to select, empty for no bound: ``created_after`` is exclusive."""
    after = to_microseconds(filters.created_after)
    return "" if after is None else str(after + 1)


def write_end(filters: JobFilter, cursor: int | None = None) -> str:
    """Return the position below which to select, empty for no bound."""
    bounds = [bound for bound in (cursor, to_microseconds(filters.created_before)) if bound is not None]
    return str(min(bounds)) if bounds else ""


def next_query(query: ListQuery, cursor: str) -> dict[str, str]:
    """Return the query of the next page: the same filters with another cursor."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in {**dict(query), "cursor": cursor}.items()
        if value
    }
