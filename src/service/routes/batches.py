"""``/v1/batches``: many jobs in one request, with one validation and one script; all or none are accepted."""

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic_core import SchemaValidator
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from jobline.domain.access import Scope as KeyScope
from jobline.domain.errors import NotFound
from jobline.domain.strictness import make_strict_validator
from jobline.ledger import commands
from jobline.ledger.commands.batches import Batch as StoredBatch
from jobline.service.answers.content import UTC_Z
from jobline.service.answers.json_answer import JSON, send_json
from jobline.service.answers.problems import problems
from jobline.service.answers.retry_after import RETRY_AFTER_S
from jobline.service.guards.scopes import find_tenant, needs
from jobline.service.intake.batches import (
    add_batch_key,
    check_all_files,
    find_owner,
    make_batch,
    name_job,
    read_batch,
    split_jobs,
)
from jobline.service.intake.body import read_body, read_headers
from jobline.service.intake.headers import read_key
from jobline.service.intake.jobs import check_json_type
from jobline.service.resources import Resources, ResourcesDep, Tenant
from jobline.service.routes.direct import DirectRoute
from jobline.service.routes.parameters import BatchId, IdempotencyKey
from jobline.service.routes.submit import ERRORS, HEADERS
from jobline.service.shapes.batches import Batch, make_batch_request

router = APIRouter(prefix="/v1/batches", tags=["batches"])


def routes(resources: Resources) -> Iterator[BaseRoute]:
    """Yield the submit, typed by all tasks, and the read."""
    yield make_submit(resources)
    yield from router.routes


def make_submit(resources: Resources) -> BaseRoute:
    """Return the submit of batches."""
    model = make_batch_request([one.batch_job for one in resources.models.values()])

    async def submit_batch(
        body: model,  # type: ignore[valid-type] # created at run time
        idempotency_key: IdempotencyKey = None,
    ) -> None:
        """Serve the OpenAPI document alone: `BatchRoute` answers."""

    return BatchRoute(
        "/v1/batches",
        submit_batch,
        status_code=202,
        response_model=Batch,
        operation_id="submit_batch",
        tags=["batches"],
        summary="Submit a batch of jobs",
        description="Either all jobs of the batch are stored, or none. An error names the index of the job.",
        response_description="The batch was accepted; every job is stored durably.",
        responses=problems(*ERRORS),
        openapi_extra=needs(KeyScope.SUBMIT),
        validator=make_strict_validator(model),
        resources=resources,
    )


class BatchRoute(DirectRoute):
    """The submit of batches."""

    def __init__(self, *parts: Any, validator: SchemaValidator, resources: Resources, **more: Any) -> None:
        self.validator = validator
        self.resources = resources
        super().__init__(*parts, **more)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate, store and answer one batch."""
        resources, tenant, headers = self.resources, find_tenant(scope), read_headers(scope, HEADERS)
        check_json_type(headers.get(b"content-type"))
        body = await read_body(receive, resources.settings.max_body_bytes, headers.get(b"content-length"))
        content = read_batch(self.validator, body)
        for index, job in enumerate(content.jobs):
            if job.queue is not None:
                resources.registry.check_queue(job.queue, resources.settings.queues, f"/jobs/{index}/queue")
        requests = split_jobs(content, body, resources.registry, resources.models)
        if files := {file for request in requests for file in request.files}:
            try:
                found = await resources.store.run(commands.files.read_files(tenant, sorted(files)))
            except NotFound as missing:
                raise name_job(missing, find_owner(missing, requests)) from None
            check_all_files(requests, found)
        order = make_batch(content, requests, resources.registry, tenant)
        if key := read_key(headers.get(b"idempotency-key")):
            order = add_batch_key(order, key, content, body, self.validator)
        receipt = await resources.store.run(
            commands.batches.submit_batch(order, queue_limit=resources.settings.queue_limit)
        )
        try:
            batch = receipt.accepted()
        except NotFound as missing:
            raise name_job(missing, receipt.index) from None
        more = [
            (b"location", b"/v1/batches/" + batch.id.encode()),
            (b"retry-after", b"%d" % RETRY_AFTER_S),
        ]
        if batch.id != order.id:
            more.append((b"idempotent-replayed", b"true"))
        await send_json(send, 202, write_batch(batch, scope), *more)


@router.get(
    "/{id}",  # noqa: FAST003 - the alias of the parameter
    operation_id="get_batch",
    response_description="The batch.",
    summary="Read a batch",
    response_model=Batch,
    responses=problems(404, 410, 422, 503),
    openapi_extra=needs(KeyScope.READ),
)
async def get_batch(request: Request, resources: ResourcesDep, tenant: Tenant, batch_id: BatchId) -> Response:
    """Return the number of jobs in each state. Jobs that have expired since then still count."""
    batch = await resources.store.run(commands.batches.read_batch(batch_id, tenant))
    return Response(write_batch(batch, request.scope), media_type=JSON)


def write_batch(batch: StoredBatch, scope: Scope) -> bytes:
    """Return the JSON of `Batch`, with its links below the path of a proxy."""
    content = {
        "id": batch.id,
        "tags": batch.tags,
        "total": batch.total,
        "counts": {state.value: count for state, count in batch.counts.items()},
        "done": batch.is_done,
        "created_at": batch.created_at,
        "links": {"jobs": f"{scope.get('root_path', '')}/v1/jobs?batch_id={batch.id}"},
    }
    return orjson.dumps(content, option=UTC_Z)
