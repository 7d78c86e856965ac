"""Turn every error into RFC 9457 ``application/problem+json``: ours, FastAPI's own, and what nobody expected.

A problem never shows a traceback, nor a value that the client sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from jobline.domain.errors import FieldError, LedgerUnavailable, NotFound, Refused
from jobline.service.answers.refusals import BadParameter, MethodNotAllowed, TooSlow

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
#: Where the scope of a request holds its id.
REQUEST_ID = "jobline.request_id"
#: Where it says that a defect was answered and logged: Starlette raises it again, for servers to log.
IS_LOGGED = "jobline.is_logged"
#: Python's own phrases differ between its versions; what is documented must not.
MEANINGS = {
    400: "The body is not JSON",
    401: "No access key, or none that is valid",
    403: "The access key does not allow it",
    404: "Not found",
    408: "The body did not come in time",
    409: "The state does not allow it",
    410: "Expired",
    413: "Too large",
    414: "The URL is too long",
    415: "Unsupported media type",
    416: "No such range",
    422: "Not valid",
    429: "Too many requests, or the queue is full",
    431: "The headers are too large",
    503: "The ledger is unavailable",
}

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


def install_handlers(app: FastAPI) -> None:
    """Have every error of the application answered here."""
    app.add_exception_handler(Refused, answer_refused)
    app.add_exception_handler(LedgerUnavailable, answer_unavailable)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, answer_unexpected)


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer whatever ended a request that no handler of FastAPI's saw."""
    if isinstance(error, Refused):
        return await answer_refused(request, error)
    if isinstance(error, LedgerUnavailable):
        return await answer_unavailable(request, error)
    return await answer_unexpected(request, error)


async def answer_refused(request: Request, error: Exception) -> Response:
    """Answer what a rule or the ledger turned down."""
    assert isinstance(error, Refused)  # noqa: S101 - narrows a type: registered for this class
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"
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
    kind, detail = BadParameter, errors[0].detail
    return write_problem(request, kind.status, kind.code, kind.title, detail, errors=errors)


async def answer_http(request: Request, error: Exception) -> Response:
    """Answer what the router turned down: no such path, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    kind: type[Refused] = Refused
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == NotFound.status:
        kind, detail = NotFound, f"There is nothing at {request.url.path}."
    elif error.status_code == MethodNotAllowed.status:
        headers["Allow"] = ", ".join(sorted(find_methods(request)))
        kind, detail = MethodNotAllowed, f"{request.method} is not for this; {headers['Allow']} may be used."
    return write_problem(request, error.status_code, kind.code, kind.title, detail, headers=headers)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Answer a defect of ours; the log has the traceback, the client has not."""
    request_id = request.scope.get(REQUEST_ID, "")
    logger.error("%s %s failed, request %s", request.method, request.url.path, request_id, exc_info=error)
    request.scope[IS_LOGGED] = True
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
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
    }
    if listed := [{"pointer": one.pointer, "detail": one.detail} for one in errors]:
        content["errors"] = listed
    more = {"X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(orjson.dumps(content), status, more, MEDIA_TYPE)


def find_methods(request: Request) -> set[str]:
    """List the methods that a path takes: the router names those of its first route only.

    A path that is declared word for word (/v1/jobs/cancel) is that, and no id of /v1/jobs/{id}.
    """
    path = request.url.path
    fitting = [
        route
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(path)
    ]
    exact = [route for route in fitting if route.path == path]
    return {method for route in exact or fitting for method in route.methods or ()}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare error answers for OpenAPI: an explicit reference, which every SDK generator reads."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": MEANINGS[status], "content": {MEDIA_TYPE: {"schema": reference}}}
        for status in statuses
    }
