"""Make a batch of a request's bytes: one validation for all jobs. Pure; stores nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import uuid_utils
from pydantic import ValidationError
from pydantic_core import SchemaValidator

from jobline.domain.errors import FieldError, NotFound, Refused
from jobline.domain.file_id import FileClaims
from jobline.domain.registry import Registry
from jobline.domain.stored_file import StoredFile
from jobline.domain.submission import Submission, digest
from jobline.ledger.commands.batches import BatchOrder
from jobline.service.intake.jobs import (
    Order,
    canonical,
    check_files,
    check_numbers,
    check_start,
    explain,
    make_submission,
    write_input,
)
from jobline.service.shapes.tasks import TaskModels

#: Keeps the keys of batches apart from those of tasks.
KEY_SCOPE = "/v1/batches"
#: What a job says that leaves all else to its task.
PLAIN = {"task", "input"}


def read_batch(validator: SchemaValidator, body: bytes) -> Any:  # noqa: ANN401 - a model made at run time
    """Validate a body; raises NotJson, or Unprocessable, which points at ``/jobs/{index}/…``."""
    if b"NaN" in body or b"Infinity" in body:
        check_numbers(body)
    try:
        request = validator.validate_json(body)
    except ValidationError as error:
        raise explain(error, body) from None
    for index, job in enumerate(request.jobs):
        check_start(job, f"/jobs/{index}")
    return request


def make_batch(
    request: Any,  # noqa: ANN401 - as above
    orders: Sequence[Order],
    registry: Registry,
    tenant: str,
    key: str,
) -> BatchOrder:
    """Fill in each task's own settings, and give all of it ids."""
    tags = tuple(dict.fromkeys(request.tags))
    return BatchOrder(
        id=str(uuid_utils.uuid7()),
        tenant=tenant,
        jobs=make_jobs(orders, registry, tenant, tags),
        tags=tags,
        idempotency=digest(tenant, KEY_SCOPE, key) if key else "",
        fingerprint=digest(KEY_SCOPE, canonical(request)) if key else "",
    )


def make_jobs(
    orders: Sequence[Order], registry: Registry, tenant: str, tags: tuple[str, ...]
) -> list[Submission]:
    """Make the jobs; one that says nothing but its task and its input is like the first of these."""
    jobs: list[Submission] = []
    first: dict[str, Submission] = {}
    for order in orders:
        request = order.request
        task: str = request.task  # type: ignore[attr-defined] # the models of batches have it
        is_plain = request.model_fields_set == PLAIN and not order.files
        if is_plain and task in first:
            jobs.append(first[task].repeat(str(uuid_utils.uuid7()), write_input(request)))
            continue
        job = make_job(order, registry, tenant, tags)
        if is_plain:
            first[task] = job
        jobs.append(job)
    return jobs


def make_job(order: Order, registry: Registry, tenant: str, tags: tuple[str, ...]) -> Submission:
    """Make one job of a batch, whose tags it shares."""
    task = registry.get(order.request.task)  # type: ignore[attr-defined] # the models of batches have it
    job = make_submission(task, order, tenant, "")
    return job._replace(tags=tuple(dict.fromkeys((*tags, *job.tags)))) if tags else job


def find_orders(request: Any, registry: Registry, models: Mapping[str, TaskModels]) -> list[Order]:  # noqa: ANN401
    """Give each job with the files that it names; a second look at those alone that may name some."""
    return [
        Order(job, find_files(job, registry) if models[job.task].has_files else {}) for job in request.jobs
    ]


def find_files(job: Any, registry: Registry) -> Any:  # noqa: ANN401 - as above
    """Collect the files of one job, each with its rule."""
    claims = FileClaims()
    text = job.input.model_dump_json(by_alias=True, round_trip=True)
    registry.get(job.task).read_stored_input(text, claims)
    return claims.found


def check_all_files(orders: Sequence[Order], found: Sequence[StoredFile]) -> None:
    """Hold every job's files against its rules; what is wrong names the job."""
    by_id = {file.id: file for file in found}
    for index, order in enumerate(orders):
        try:
            check_files(order, [by_id[one] for one in order.files])
        except Refused as error:
            raise name_job(error, index) from None


def find_owner(missing: NotFound, orders: Sequence[Order]) -> int:
    """Find the first job that names the file which is not there."""
    return next(index for index, order in enumerate(orders) if missing.about in order.files)


def name_job(error: Refused, index: int) -> Refused:
    """Say of which job a refusal is."""
    where = FieldError(f"/jobs/{index}/input", error.detail)
    return type(error)(f"/jobs/{index}: {error.detail}", errors=(where,))
