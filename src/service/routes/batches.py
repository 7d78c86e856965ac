"""``/v1/batches``: many jobs in one request, all or none; one validation, one script."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Header, Path, Response
from pydantic_core import SchemaValidator
from starlette.types import Receive, Scope, Send

from jobline.domain.errors import NotFound
from jobline.domain.strictness import make_strict_validator
from jobline.ledger import commands
from jobline.ledger.commands.batches import Batch as Found
from jobline.service.answers.problems import problems
from jobline.service.answers.writing import UTC_Z
from jobline.service.guards.scopes import find_tenant
from jobline.service.intake.batches import (
    check_all_files,
    find_orders,
    find_owner,
    make_batch,
    name_job,
    read_batch,
)
from jobline.service.intake.direct import DirectRoute, read_body, read_headers, send_json
from jobline.service.intake.headers import read_key
from jobline.service.intake.jobs import check_json_type
from jobline.service.resources import Here, Resources, Tenant
from jobline.service.routes.submit import ERRORS, RETRY_AFTER_S, WANTED
from jobline.service.shapes.batches import Batch, make_batch_request

JSON = "application/json"


def add_batch_routes(app: FastAPI, resources: Resources) -> None:
    """Add the submit, typed from the registry, and the read."""
    model = make_batch_request([one.batch_job for one in resources.models.values()])

    async def submit_batch(
        order: model,  # type: ignore[valid-type] # made at run time
        idempotency_key: Annotated[
            str | None,
            Header(description="The same key and request make one batch, however often they come."),
        ] = None,
    ) -> None:
        """Stand for the documentation: `BatchRoute` answers."""

    route = BatchRoute(
        "/v1/batches",
        submit_batch,
        status_code=202,
        response_model=Batch,
        operation_id="submit_batch",
        tags=["batches"],
        summary="Submit many jobs, all or none",
        description="Every job is stored, or none is; what is wrong is named by the index of its job.",
        response_description="Accepted; the ledger holds every job",
        responses=problems(*ERRORS),
        validator=make_strict_validator(model),
        resources=resources,
    )
    app.router.routes.append(route)
    app.include_router(router)


class BatchRoute(DirectRoute):
    """Answer the submits of batches."""

    def __init__(self, *parts: Any, validator: SchemaValidator, resources: Resources, **more: Any) -> None:
        self.validator = validator
        self.here = resources
        super().__init__(*parts, **more)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Validate, store and answer one batch."""
        here, tenant, headers = self.here, find_tenant(scope), read_headers(scope, WANTED)
        check_json_type(headers.get(b"content-type"))
        body = await read_body(receive, here.settings.max_body_bytes, headers.get(b"content-length"))
        content = read_batch(self.validator, body)
        orders = find_orders(content, here.registry, here.models)
        if files := {file for order in orders for file in order.files}:
            try:
                found = await here.store.run(commands.files.read_files(tenant, sorted(files)))
            except NotFound as missing:
                raise name_job(missing, find_owner(missing, orders)) from None
            check_all_files(orders, found)
        order = make_batch(content, orders, here.registry, tenant, read_key(headers.get(b"idempotency-key")))
        receipt = await here.store.run(
            commands.batches.submit_batch(order, queue_limit=here.settings.queue_limit)
        )
        try:
            batch = receipt.accepted()
        except NotFound as missing:
            raise name_job(missing, receipt.index) from None
        facts = [
            (b"location", b"/v1/batches/" + batch.id.encode()),
            (b"retry-after", b"%d" % RETRY_AFTER_S),
        ]
        if batch.id != order.id:
            facts.append((b"idempotent-replayed", b"true"))
        await send_json(send, 202, write_batch(batch), *facts)


router = APIRouter(prefix="/v1/batches", tags=["batches"])


@router.get(
    "/{id}",
    operation_id="get_batch",
    summary="Read a batch",
    response_model=Batch,
    responses=problems(404, 410, 422, 503),
)
async def get_batch(
    here: Here, tenant: Tenant, batch_id: Annotated[str, Path(alias="id", max_length=255)]
) -> Response:
    """Count its jobs by state; those that expired since count as what they were."""
    return Response(
        write_batch(await here.store.run(commands.batches.read_batch(batch_id, tenant))), 200, None, JSON
    )


def write_batch(batch: Found) -> bytes:
    """Write the fields of `batch_models.Batch`."""
    content = {
        "id": batch.id,
        "tags": batch.tags,
        "total": batch.total,
        "counts": {state.value: count for state, count in batch.counts.items()},
        "done": batch.is_done,
        "created_at": batch.created_at,
        "links": {"jobs": f"/v1/jobs?batch_id={batch.id}"},
    }
    return orjson.dumps(content, option=UTC_Z)
