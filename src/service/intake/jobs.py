"""From the bytes of a submit request to a `Submission`: parsing, validation, error pointers. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import uuid_utils
from pydantic import ValidationError
from pydantic_core import from_json

from jobline.domain.errors import FieldError, Unprocessable, UnsupportedMedia
from jobline.domain.file_id import FileReferences, FileRule
from jobline.domain.input_json import MAX_ERRORS, read_json, write_input
from jobline.domain.stored_file import StoredFile
from jobline.domain.submission import Submission, digest
from jobline.domain.task import Task
from jobline.service.answers.refusals import NotJson
from jobline.service.intake.fingerprint import make_fingerprint
from jobline.service.shapes.jobs import SubmitOptions
from jobline.service.shapes.task_models import TaskModels

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json[ \t]*(?:;.*)?", re.IGNORECASE | re.ASCII)


class SubmitRequest(NamedTuple):
    """A validated request: its options, its input as JSON, and the files in it, each with its rule."""

    content: SubmitOptions
    input: bytes
    files: dict[str, FileRule]


def check_json_type(content_type: str | None) -> None:
    """Refuse bodies that are not declared as JSON. A form of another site cannot declare that."""
    if content_type == "application/json":  # the usual value
        return
    if content_type is None or not JSON_TYPE.fullmatch(content_type.strip(" \t")):
        raise UnsupportedMedia("The body must be JSON. Send Content-Type: application/json.")


def read_request(models: TaskModels, body: bytes) -> SubmitRequest:
    """Validate a body; raises NotJson, or Unprocessable with a pointer to each invalid part."""
    claims = FileReferences() if models.has_files else None
    if b"NaN" in body or b"Infinity" in body:  # pydantic accepts them, JSON does not have them
        check_numbers(body)
    try:
        content = models.validator.validate_json(body, context=claims)
    except ValidationError as error:
        raise explain(error, body) from None
    check_start(content)
    given: Any = read_json(body)  # an object: it was just validated
    return SubmitRequest(content, write_input(given["input"], "/input"), claims.found if claims else {})


def check_start(content: SubmitOptions, pointer: str = "") -> None:
    """Refuse a request with both `delay_s` and `run_at`."""
    if content.delay_s is not None and content.run_at is not None:
        raise Unprocessable(
            "Set either delay_s or run_at, not both.",
            errors=(FieldError(f"{pointer}/run_at", "cannot be combined with delay_s"),),
        )


def make_submission(task: Task[Any, Any], request: SubmitRequest, tenant: str) -> Submission:
    """Return the submission with a new job ID; the task's defaults fill in what the request leaves out."""
    content = request.content
    return Submission(
        id=str(uuid_utils.uuid7()),
        tenant=tenant,
        task=task.name,
        queue=content.queue or task.queue,
        input=request.input,
        max_attempts=content.max_attempts or task.max_attempts,
        timeout_ms=to_ms(content.timeout_s or task.timeout_s),
        priority=content.priority,
        delay_ms=None if content.delay_s is None else to_ms(content.delay_s),
        run_at_ms=None if content.run_at is None else (content.run_at - EPOCH) // MILLISECOND,
        expires_in_ms=None if content.expires_in_s is None else to_ms(content.expires_in_s),
        tags=tuple(dict.fromkeys(content.tags)),
        files=tuple(request.files),
    )


def add_key(
    submission: Submission, key: str, request: SubmitRequest, body: bytes, models: TaskModels
) -> Submission:
    """Return the submission under an Idempotency-Key."""
    return submission._replace(
        idempotency=digest(submission.tenant, submission.task, key),
        fingerprint=make_fingerprint(submission.task, request.content, body, models.validator.validate_json),
    )


def check_files(request: SubmitRequest, found: list[StoredFile]) -> None:
    """Check files against the rules of the input's fields; raises TooLarge or UnsupportedMedia."""
    for file in found:
        request.files[file.id].check(file.id, file.size_bytes, file.media_type)


def to_ms(seconds: float) -> int:
    """Round to whole milliseconds; a value above zero stays above zero."""
    return 0 if seconds == 0 else max(1, round(seconds * 1000))


def check_numbers(body: bytes) -> None:
    """Refuse NaN and Infinity outside of strings (RFC 8259, section 6); raises NotJson."""
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise NotJson(f"The body is not valid JSON: {error}") from None


def explain(error: ValidationError, body: bytes) -> NotJson | Unprocessable:
    """Return the error for an invalid body: what is wrong and where, but never the value."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    if details[0]["type"] == "json_invalid" and not details[0]["loc"]:  # else a `Json` field's own text
        return NotJson(f"The body is not valid JSON: {details[0]['msg'].partition(': ')[2]}")
    content = from_json(body)
    errors = tuple(
        FieldError(write_pointer(detail["loc"], content), detail["msg"]) for detail in details[:MAX_ERRORS]
    )
    count = error.error_count()
    where = errors[0].pointer or "the body"
    rest = f" (and {count - 1} more)" if count > 1 else ""
    return Unprocessable(f"{where}: {errors[0].detail}{rest}", errors=errors)


def write_pointer(location: tuple[int | str, ...], content: object) -> str:
    """Return pydantic's location as a JSON Pointer (RFC 6901), without the tags that it adds for unions."""
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
