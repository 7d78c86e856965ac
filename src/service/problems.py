"""Turn every error into RFC 9457 ``application/problem+json``: ours, FastAPI's own, and what nobody expected.

A problem never shows a traceback, nor a value that the client sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from jobs.errors import FieldError, LedgerUnavailable, Refused

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"

logger = logging.getLogger("jobline.service")


class FieldProblem(BaseModel):
    """Point at one wrong place of a request."""

    model_config = ConfigDict(frozen=True)

    pointer: str  #: a JSON pointer (RFC 6901) into the body; empty for a parameter, which the detail names
    detail: str


class Problem(BaseModel):
    """Describe an error (RFC 9457). The field that the RFC calls ``type`` is added where this is written."""

    model_config = ConfigDict(frozen=True)

    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldProblem] | None = None


class NotJson(Refused):
    """The body is not JSON."""

    code, status, title = "not-json", 400, "The body is not JSON"


class NotReady(Refused):
    """A part that jobs need is missing."""

    code, status, title = "not-ready", 503, "Not ready"


class PreferenceUnknown(Refused):
    """A header or parameter cannot be read."""

    code, status, title = "bad-parameter", 422, "A parameter is not valid"


def install_handlers(app: FastAPI) -> None:
    """Have every error of the application answered here."""
    app.add_exception_handler(Refused, answer_refused)
    app.add_exception_handler(LedgerUnavailable, answer_unavailable)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, answer_unexpected)


async def answer_refused(request: Request, error: Exception) -> Response:
    """Answer what a rule or the ledger turned down."""
    assert isinstance(error, Refused)  # noqa: S101 - narrows a type: registered for this class
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return write_problem(
        request, error.status, error.code, error.title, error.detail, errors=error.errors, headers=headers
    )


async def answer_unavailable(request: Request, error: Exception) -> Response:
    """Answer that Redis is out of reach."""
    headers = {"Retry-After": str(LedgerUnavailable.retry_after_s)}
    code, status = LedgerUnavailable.code, LedgerUnavailable.status
    return write_problem(request, status, code, "The ledger is unavailable", str(error), headers=headers)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Answer parameters that FastAPI found wrong."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors = tuple(
        FieldError("", f"{part['loc'][0]} parameter {'.'.join(map(str, part['loc'][1:]))}: {part['msg']}")
        for part in error.errors()
    )
    kind = PreferenceUnknown
    return write_problem(request, kind.status, kind.code, kind.title, errors[0].detail, errors=errors)


async def answer_http(request: Request, error: Exception) -> Response:
    """Answer what the router turned down: 404, 405."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    detail = error.detail
    if status is HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.url.path}."
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(find_methods(request)))
        detail = f"{request.method} is not allowed here; {headers['Allow']} may be used."
    code = status.phrase.lower().replace(" ", "-")
    return write_problem(request, status, code, status.phrase, detail, headers=headers)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Answer a defect of ours; the log has the traceback, the client has not."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "Something went wrong here. It was logged; the request may be sent again."
    return write_problem(request, 500, INTERNAL, "Internal error", detail)


def write_problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write one problem."""
    content: dict[str, Any] = {  # Any: JSON values of every kind
        "type": f"/problems/{code}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": request.url.path,
        "code": code,
    }
    if listed := [{"pointer": one.pointer, "detail": one.detail} for one in errors]:
        content["errors"] = listed
    more = {"X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(orjson.dumps(content), int(status), more, MEDIA_TYPE)


def find_methods(request: Request) -> set[str]:
    """List the methods that a path takes: the router names those of its first route only."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.path_regex.match(request.url.path):
            found |= route.methods
    return found


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare error answers for OpenAPI: an explicit reference, which every SDK generator reads."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": reference}}}
        for status in statuses
    }
