"""The JSON of jobs and files. Results and progress are copied as the ledger stores them, without parsing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from jobline.domain.record import Failure, Record
from jobline.domain.stored_file import StoredFile

UTC_Z = orjson.OPT_UTC_Z


def write_job(record: Record, *, tracebacks: bool) -> bytes:
    """Return the JSON of a job with its result."""
    content = describe_job(record, tracebacks=tracebacks)
    content["result"] = raw(record.result)
    return orjson.dumps(content, option=UTC_Z)


def write_jobs(records: list[Record], next_cursor: str | None, *, tracebacks: bool) -> bytes:
    """Return the JSON of one page of jobs, without their results."""
    items = [describe_job(record, tracebacks=tracebacks) for record in records]
    return orjson.dumps({"items": items, "next_cursor": next_cursor}, option=UTC_Z)


def write_file(file: StoredFile) -> bytes:
    """Return the JSON of a file's description."""
    return orjson.dumps(describe_file(file), option=UTC_Z)


def write_files(files: list[StoredFile]) -> bytes:
    """Return the JSON of a list of files."""
    return orjson.dumps({"items": [describe_file(file) for file in files]}, option=UTC_Z)


def describe_job(record: Record, *, tracebacks: bool) -> dict[str, Any]:  # Any: JSON values of every kind
    """Return the fields of `JobSummary`."""
    return {
        "id": record.id,
        "task": record.task,
        "state": record.state.value,
        "queue": record.queue,
        "priority": record.priority,
        "tags": record.tags,
        "attempt": record.attempt,
        "max_attempts": record.max_attempts,
        "cancel_requested": record.cancel_requested,
        "retry_of": record.retry_of,
        "batch_id": record.batch_id,
        "created_at": record.created_at,
        "run_at": record.run_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "expires_at": record.start_by,
        "progress": raw(record.progress),
        "error": None if record.error is None else describe_error(record.error, tracebacks=tracebacks),
    }


def describe_error(error: Failure, *, tracebacks: bool) -> dict[str, Any]:
    """Return the fields of `JobError`; the traceback only if the operator has enabled it."""
    content: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "attempt": error.attempt,
    }
    if tracebacks and error.traceback:
        content["traceback"] = error.traceback
    return content


def describe_file(file: StoredFile) -> dict[str, str | int | datetime | None]:
    """Return the fields of `FileInfo`."""
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "job_id": file.job_id,
    }


def raw(stored: bytes | None) -> orjson.Fragment | None:
    """Wrap stored JSON so that it is copied unchanged."""
    return None if stored is None else orjson.Fragment(stored)
