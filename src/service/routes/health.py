"""``/health/live`` and ``/health/ready``: for supervisors and load balancers."""

import asyncio
from collections.abc import Iterable

import orjson
from fastapi import APIRouter, Response
from starlette.routing import BaseRoute

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.ledger import commands
from jobline.ledger.commands.clock import WorkerStats
from jobline.service.answers.json_answer import JSON
from jobline.service.answers.problems import problems
from jobline.service.answers.refusals import NotReady
from jobline.service.guards.scopes import OPEN
from jobline.service.resources import Resources, ResourcesDep
from jobline.service.shapes.catalogue import Health

ANSWER_S = 1.0
MAX_HEARTBEAT_AGE_MS = 10_000

router = APIRouter(prefix="/health", tags=["health"])


def routes(_: Resources) -> Iterable[BaseRoute]:
    """Return the health checks."""
    return router.routes


@router.get(
    "/live",
    operation_id="check_live",
    response_description="The process responds.",
    summary="Check whether the process responds",
    response_model=Health,
    openapi_extra=OPEN,
)
async def check_live() -> Response:
    """Respond without any I/O."""
    return Response(b'{"status":"live"}', media_type=JSON)


@router.get(
    "/ready",
    operation_id="check_ready",
    response_description="Jobs can be accepted and run.",
    summary="Check whether jobs can be accepted and run",
    response_model=Health,
    responses=problems(503),
    openapi_extra=OPEN,
)
async def check_ready(resources: ResourcesDep) -> Response:
    """Succeed if Redis takes writes and a worker can claim jobs; a 503 names what is missing."""
    try:
        async with asyncio.timeout(ANSWER_S):
            refusal = await resources.store.run(commands.clock.probe())
            workers = await resources.store.run(commands.clock.workers())
            await resources.dispatcher.ready()
    except LedgerUnusable:
        raise
    except (TimeoutError, LedgerUnavailable):
        raise NotReady(f"Redis does not respond within {ANSWER_S:.0f} s.", retry_after_s=2) from None
    if refusal:
        raise NotReady(f"No job can be accepted: {refusal}.", retry_after_s=2)
    alive = [worker for worker in workers if is_alive(worker)]
    if alive and not any(can_claim(worker) for worker in alive):
        raise NotReady("No worker can claim jobs; the log of each says why.", retry_after_s=2)
    if not alive:
        raise NotReady("No worker sent a heartbeat within the last 10 s. Start one.", retry_after_s=2)
    return Response(b'{"status":"ready"}', media_type=JSON)


def is_alive(worker: WorkerStats) -> bool:
    """Return whether a worker's heartbeat is recent."""
    return worker.age_ms < MAX_HEARTBEAT_AGE_MS


def can_claim(worker: WorkerStats) -> bool:
    """Return whether a worker's loop that claims jobs works, as far as it says."""
    return bool(orjson.loads(worker.about).get("claims", True))
