"""Many jobs by a filter: cancel them, or repeat them. A script does a bounded number; this loops."""

import time
from typing import Annotated

import uuid_utils
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from jobline.domain.state import State
from jobline.ledger import commands
from jobline.ledger.commands.jobs import Filter
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import BadParameter
from jobline.service.intake.stamps import to_stamp
from jobline.service.resources import Here, Tenant
from jobline.service.shapes.answers import Answer
from jobline.service.shapes.moments import Moment

#: Jobs of one script call: some 3 ms in Redis.
AT_ONCE = 200
#: What takes longer is left to the next request: proxies give up, too.
ENOUGH_S = 20.0
ACTIVE = (State.PENDING, State.RETRY, State.STARTED)
REPEATABLE = (State.FAILURE, State.REVOKED)

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class JobFilter(BaseModel):
    """Choose jobs as the list does; at least one filter is required."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State | None = None
    task: Annotated[str, Query(max_length=200)] = ""
    queue: Annotated[str, Query(max_length=64)] = ""
    tag: Annotated[str, Query(max_length=64)] = ""
    batch_id: Annotated[str, Query(max_length=64)] = ""
    created_after: Moment | None = None
    created_before: Moment | None = None


class CancelCounts(Answer):
    """Count what a bulk cancel did."""

    revoked: int
    cancel_requested: int
    has_more: bool


class RetryCounts(Answer):
    """Count what a bulk retry did; skipped were repeated before, or lack a file."""

    retried: int
    skipped: int
    has_more: bool


Chosen = Annotated[JobFilter, Query()]


@router.post(
    "/cancel", operation_id="cancel_jobs", summary="Cancel all jobs that fit", responses=problems(422, 503)
)
async def cancel_jobs(here: Here, tenant: Tenant, chosen: Chosen) -> CancelCounts:
    """Revoke those that wait, and ask those that run to stop; again where `has_more` says so."""
    states = check(chosen, ACTIVE)
    enough, revoked, asked, below = time.monotonic() + ENOUGH_S, 0, 0, None
    while states:
        part = await here.store.run(
            commands.bulk.cancel_many(
                select(tenant, chosen, states, below), limit=AT_ONCE, retention=here.retention
            )
        )
        revoked, asked, below = revoked + part.revoked, asked + part.asked, part.next_stamp
        if not below or time.monotonic() > enough:
            break
    return CancelCounts(revoked=revoked, cancel_requested=asked, has_more=bool(below))


@router.post(
    "/retry",
    operation_id="retry_jobs",
    summary="Repeat all failed or revoked jobs that fit",
    responses=problems(422, 503),
)
async def retry_jobs(here: Here, tenant: Tenant, chosen: Chosen) -> RetryCounts:
    """Make a new job of each that has none yet; again where `has_more` says so, or the queue was full."""
    states = check(chosen, REPEATABLE)
    enough, retried, skipped, below, is_full = time.monotonic() + ENOUGH_S, 0, 0, None, False
    while states:
        part = await here.store.run(
            commands.bulk.retry_many(
                select(tenant, chosen, states, below),
                [str(uuid_utils.uuid7()) for _ in range(AT_ONCE)],
                queue_limit=here.settings.queue_limit,
            )
        )
        retried, skipped, below = retried + part.retried, skipped + part.skipped, part.next_stamp
        is_full = part.is_full
        if is_full or not below or time.monotonic() > enough:
            break
    return RetryCounts(retried=retried, skipped=skipped, has_more=is_full or bool(below))


def check(chosen: JobFilter, possible: tuple[State, ...]) -> str:
    """Give the states to look for; raises BadParameter where nothing was chosen."""
    if not any(chosen.model_dump().values()):
        names = ", ".join(JobFilter.model_fields)
        raise BadParameter(f"At least one filter is required, so that nobody means all by accident: {names}.")
    return " ".join(state for state in possible if chosen.state in {None, state})


def select(tenant: str, chosen: JobFilter, states: str, below: str | None) -> Filter:
    """Write the filter as the ledger reads it."""
    before, after = to_stamp(chosen.created_before), to_stamp(chosen.created_after)
    return Filter(
        tenant=tenant,
        below_stamp=below or ("" if before is None else str(before)),
        from_stamp="" if after is None else str(after + 1),
        state=states,
        task=chosen.task,
        queue=chosen.queue,
        tag=chosen.tag,
        batch_id=chosen.batch_id,
    )
