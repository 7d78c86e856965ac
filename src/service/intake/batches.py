"""From the bytes of a batch request to a `BatchOrder`, with one validation for all jobs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import uuid_utils
from pydantic import ValidationError
from pydantic_core import SchemaValidator

from jobline.domain.errors import FieldError, NotFound, Refused, Unprocessable
from jobline.domain.file_id import FileReferences, FileRule
from jobline.domain.input_json import field_errors, join_errors, read_json, write_input
from jobline.domain.registry import Registry
from jobline.domain.stored_file import StoredFile
from jobline.domain.submission import Submission, digest
from jobline.domain.task import Task
from jobline.ledger.commands.batches import BatchOrder
from jobline.service.intake.fingerprint import make_fingerprint
from jobline.service.intake.jobs import (
    SubmitRequest,
    check_files,
    check_numbers,
    check_start,
    explain,
    make_submission,
)
from jobline.service.shapes.task_models import TaskModels

#: Separates the idempotency keys of batches from those of tasks.
KEY_SCOPE = "/v1/batches"
#: The fields of a job that leaves all options to its task.
PLAIN = {"task", "input"}


def read_batch(validator: SchemaValidator, body: bytes) -> Any:  # noqa: ANN401 - a model created at run time
    """Validate a body; raises NotJson, or Unprocessable with pointers like ``/jobs/{index}/…``."""
    if b"NaN" in body or b"Infinity" in body:
        check_numbers(body)
    try:
        content = validator.validate_json(body)
    except ValidationError as error:
        raise explain(error, body) from None
    for index, job in enumerate(content.jobs):
        check_start(job, f"/jobs/{index}")
    return content


def make_batch(
    content: Any,  # noqa: ANN401 - as above
    requests: Sequence[SubmitRequest],
    registry: Registry,
    tenant: str,
) -> BatchOrder:
    """Return the batch with new IDs and the tasks' defaults filled in."""
    tags = tuple(dict.fromkeys(content.tags))
    return BatchOrder(
        id=str(uuid_utils.uuid7()),
        tenant=tenant,
        jobs=make_jobs(requests, registry, tenant, tags),
        tags=tags,
    )


def add_batch_key(
    order: BatchOrder,
    key: str,
    content: Any,  # noqa: ANN401 - as above
    body: bytes,
    validator: SchemaValidator,
) -> BatchOrder:
    """Return the batch under an Idempotency-Key."""
    return replace(
        order,
        idempotency=digest(order.tenant, KEY_SCOPE, key),
        fingerprint=make_fingerprint(KEY_SCOPE, content, body, validator.validate_json),
    )


def make_jobs(
    requests: Sequence[SubmitRequest], registry: Registry, tenant: str, tags: tuple[str, ...]
) -> list[Submission]:
    """Return the submissions. A job without options is copied from the first such job of its task."""
    jobs: list[Submission] = []
    first: dict[str, Submission] = {}
    for request in requests:
        content = request.content
        task: str = content.task  # type: ignore[attr-defined] # the models of batches have it
        is_plain = content.model_fields_set == PLAIN and not request.files
        if is_plain and task in first:
            jobs.append(first[task].repeat(str(uuid_utils.uuid7()), request.input))
            continue
        job = make_job(request, registry, tenant, tags)
        if is_plain:
            first[task] = job
        jobs.append(job)
    return jobs


def make_job(request: SubmitRequest, registry: Registry, tenant: str, tags: tuple[str, ...]) -> Submission:
    """Return one submission of a batch, with the tags of the batch added."""
    task = registry.get(request.content.task)  # type: ignore[attr-defined] # the models of batches have it
    job = make_submission(task, request, tenant)
    return job._replace(tags=tuple(dict.fromkeys((*tags, *job.tags)))) if tags else job


def split_jobs(
    content: Any,  # noqa: ANN401 - as above
    body: bytes,
    registry: Registry,
    models: Mapping[str, TaskModels],
) -> list[SubmitRequest]:
    """Return the jobs, each with its files; only inputs that may refer to files are validated twice."""
    given: Any = read_json(body)  # an object: it was just validated
    requests = []
    for index, (job, sent) in enumerate(zip(content.jobs, given["jobs"], strict=True)):
        text = write_input(sent["input"], f"/jobs/{index}/input")
        files = find_files(registry.get(job.task), text) if models[job.task].has_files else {}
        requests.append(SubmitRequest(job, text, files))
    return requests


def find_files(task: Task[Any, Any], text: bytes) -> dict[str, FileRule]:
    """Return the files that one input refers to, each with its rule."""
    claims = FileReferences()
    try:
        task.read_stored_input(text, claims)
    except ValidationError as error:  # a validator that changes its mind
        raise Unprocessable(
            f"The input of {task.name} is not valid: {join_errors(field_errors(error))}"
        ) from None
    return claims.found


def check_all_files(requests: Sequence[SubmitRequest], found: Sequence[StoredFile]) -> None:
    """Check every job's files against its rules; an error names the job."""
    by_id = {file.id: file for file in found}
    for index, request in enumerate(requests):
        try:
            check_files(request, [by_id[one] for one in request.files])
        except Refused as error:
            raise name_job(error, index) from None


def find_owner(missing: NotFound, requests: Sequence[SubmitRequest]) -> int:
    """Return the index of the first job that refers to the missing file."""
    return next(index for index, request in enumerate(requests) if missing.about in request.files)


def name_job(error: Refused, index: int) -> Refused:
    """Return the same error with the index of the job that caused it."""
    where = FieldError(f"/jobs/{index}/input", error.detail)
    return type(error)(f"/jobs/{index}: {error.detail}", errors=(where,))
