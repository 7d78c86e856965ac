"""Make a Submission of a request's bytes: parse, validate, point at what is wrong. Pure; stores nothing."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import uuid_utils
from pydantic import ValidationError
from pydantic_core import from_json, to_jsonable_python

from jobline.domain.errors import FieldError, Unprocessable, UnsupportedMedia
from jobline.domain.file_id import FileClaims, FileRule
from jobline.domain.stored_file import StoredFile
from jobline.domain.submission import Submission, digest
from jobline.domain.task import Task
from jobline.service.answers.refusals import NotJson
from jobline.service.shapes.answers import SubmitOptions
from jobline.service.shapes.tasks import TaskModels

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
MAX_ERRORS = 50


class Order(NamedTuple):
    """Hold a validated request and the files that it names, each with its rule."""

    request: SubmitOptions
    files: dict[str, FileRule]


def check_json_type(content_type: str | None) -> None:
    """Refuse what does not say that it is JSON: another site's form cannot say so, and stays out."""
    if content_type == "application/json":  # as most have it
        return
    if content_type is None or not JSON_TYPE.fullmatch(content_type.strip()):
        raise UnsupportedMedia("The body must be JSON; send Content-Type: application/json.")


def read_order(models: TaskModels, body: bytes) -> Order:
    """Validate a body; raises NotJson, or Unprocessable, which points at each wrong place."""
    claims = FileClaims() if models.has_files else None
    if b"NaN" in body or b"Infinity" in body:  # words that Python's JSON has, and JSON has not
        check_numbers(body)
    try:
        request = models.validator.validate_json(body, context=claims)
    except ValidationError as error:
        raise explain(error, body) from None
    check_start(request)
    return Order(request, claims.found if claims else {})


def check_start(request: SubmitOptions, pointer: str = "") -> None:
    """Refuse two answers to when the job should start."""
    if request.delay_s is not None and request.run_at is not None:
        raise Unprocessable(
            "delay_s and run_at exclude one another.",
            errors=(FieldError(f"{pointer}/run_at", "excludes delay_s"),),
        )


def make_submission(task: Task[Any, Any], order: Order, tenant: str, key: str) -> Submission:
    """Fill in the task's own settings, and give the job its id."""
    request = order.request
    submission = Submission(
        id=str(uuid_utils.uuid7()),
        tenant=tenant,
        task=task.name,
        queue=request.queue or task.queue,
        input=write_input(request),
        max_attempts=request.max_attempts or task.max_attempts,
        timeout_ms=to_ms(request.timeout_s or task.timeout_s),
        priority=request.priority,
        delay_ms=None if request.delay_s is None else to_ms(request.delay_s),
        run_at_ms=None if request.run_at is None else (request.run_at - EPOCH) // MILLISECOND,
        expires_in_ms=None if request.expires_in_s is None else to_ms(request.expires_in_s),
        tags=tuple(dict.fromkeys(request.tags)),
        files=tuple(order.files),
    )
    if not key:
        return submission
    return submission._replace(
        idempotency=digest(tenant, task.name, key),
        fingerprint=digest(task.name, canonical(request)),
    )


def write_input(request: SubmitOptions) -> bytes:
    """Write an input as the ledger holds it, by its model's serializer: bytes, without a text in between."""
    content = request.input  # type: ignore[attr-defined] # every request model made by make_models has it
    written: bytes = type(content).__pydantic_serializer__.to_json(content, by_alias=True, round_trip=True)
    return written


def check_files(order: Order, found: list[StoredFile]) -> None:
    """Hold the files that an input names against the rules of its fields."""
    for file in found:
        order.files[file.id].check(file.id, file.size_bytes, file.media_type)


def to_ms(seconds: float) -> int:
    """Count in whole milliseconds, at least one of anything above zero."""
    return 0 if seconds == 0 else max(1, round(seconds * 1000))


def canonical(request: SubmitOptions) -> str:
    """Write a validated request so that equal requests are equal text, in every process."""
    return json.dumps(request.model_dump(), sort_keys=True, separators=(",", ":"), default=plain)


def plain(value: object) -> object:
    """Write what JSON has not; a set has no order, so it gets one."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return to_jsonable_python(value)


def check_numbers(body: bytes) -> None:
    """Refuse NaN and Infinity outside of strings (RFC 8259, section 6)."""
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise NotJson(f"The body is not JSON: {error}") from None


def explain(error: ValidationError, body: bytes) -> NotJson | Unprocessable:
    """Say what is wrong and where; never with which value."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    if details[0]["type"] == "json_invalid":
        return NotJson(f"The body is not JSON: {details[0]['msg'].partition(': ')[2]}")
    content = from_json(body)
    errors = tuple(
        FieldError(pointer(detail["loc"], content), detail["msg"]) for detail in details[:MAX_ERRORS]
    )
    count = error.error_count()
    where = errors[0].pointer or "the body"
    rest = f" (and {count - 1} more)" if count > 1 else ""
    return Unprocessable(f"{where}: {errors[0].detail}{rest}", errors=errors)


def pointer(location: tuple[int | str, ...], content: object) -> str:
    """Write pydantic's location as a JSON pointer (RFC 6901), without the words it adds for unions."""
    parts = []
    for index, part in enumerate(location):
        if isinstance(content, dict):
            if part in content:
                content = content[part]
            elif index < len(location) - 1:
                continue
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            continue
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in parts)
