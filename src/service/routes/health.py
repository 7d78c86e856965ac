"""``/health/live`` and ``/health/ready``: for a supervisor, and for a load balancer."""

import asyncio

from fastapi import APIRouter, Response

from jobline.domain.errors import LedgerUnavailable
from jobline.ledger import commands
from jobline.ledger.commands.clock import WorkerSeen
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import NotReady
from jobline.service.resources import Here
from jobline.service.shapes.answers import Health

ANSWER_S = 1.0
MAX_BEAT_AGE_MS = 10_000

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", operation_id="check_live", summary="Say that the process answers", response_model=Health)
async def check_live() -> Response:
    """Answer without asking anybody."""
    return Response(b'{"status":"live"}', media_type="application/json")


@router.get(
    "/ready",
    operation_id="check_ready",
    summary="Say that jobs are taken and done",
    response_model=Health,
    responses=problems(503),
)
async def check_ready(here: Here) -> Response:
    """Ask Redis, and see a worker's heartbeat; 503 says which is missing."""
    try:
        async with asyncio.timeout(ANSWER_S):
            seen = await here.store.run(commands.clock.workers())
    except (TimeoutError, LedgerUnavailable):
        raise NotReady(f"Redis does not answer within {ANSWER_S:.0f} s.", retry_after_s=2) from None
    if not any(is_alive(worker) for worker in seen):
        raise NotReady("No worker showed a heartbeat in the last 10 s; start one.", retry_after_s=2)
    return Response(b'{"status":"ready"}', media_type="application/json")


def is_alive(worker: WorkerSeen) -> bool:
    """Claim that a worker's heartbeat is fresh."""
    return worker.age_ms < MAX_BEAT_AGE_MS
