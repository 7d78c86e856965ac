"""Error responses, RFC 9457 ``application/problem+json``: for our errors, FastAPI's own and unexpected ones.

A problem never shows a traceback, nor a value that the client sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from jobline.domain.errors import FieldError, LedgerUnavailable, NotFound, Refused
from jobline.service.answers.refusals import BadParameter, MethodNotAllowed, TooSlow

MEDIA_TYPE = "application/problem+json"
INTERNAL = "internal"
UNAVAILABLE = LedgerUnavailable.title
#: Key of the request ID in the scope of a request.
REQUEST_ID = "jobline.request_id"
#: Key in the scope that marks a defect as answered and logged: Starlette raises it again, for servers to log.
IS_LOGGED = "jobline.is_logged"
#: The status for clients that left; nobody sees it. nginx logs the same one.
CLIENT_LEFT = 499
#: Our own phrases: those of Python's `http` differ between versions, and the OpenAPI document must not.
MEANINGS = {
    400: "The body is not valid JSON",
    401: "The access key is missing or not valid",
    403: "The access key lacks the scope for this operation",
    404: "Not found",
    408: "The body did not arrive in time",
    409: "The current state does not allow this",
    410: "Expired or deleted",
    413: "The body or the file is too large",
    414: "The URL is too long",
    415: "Unsupported media type",
    416: "The range is outside of the file",
    422: "The body or a parameter is not valid",
    429: "Too many requests, or the queue is full",
    431: "The headers are too large",
    503: UNAVAILABLE,
    507: "The disk does not take the file",
}

logger = logging.getLogger("jobline.service")


class FieldProblem(BaseModel):
    """One invalid part of a request."""

    model_config = ConfigDict(frozen=True)

    pointer: Annotated[
        str,
        Field(
            description="JSON Pointer (RFC 6901) into the body; empty for a parameter, which `detail` names."
        ),
    ]
    detail: Annotated[str, Field(description="What is wrong with it.")]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[
        str,
        Field(
            description="URI of the kind of error: the path of a page that explains the code.",
            examples=["/problems/not-found"],
        ),
    ]
    title: Annotated[str, Field(description="Short name of the kind of error.")]
    status: Annotated[int, Field(description="HTTP status code.")]
    detail: Annotated[str, Field(description="What happened and what to do about it.")]
    instance: Annotated[str, Field(description="Path of the request.")]
    code: Annotated[str, Field(description="Stable code for programs to act on.", examples=["not-found"])]
    errors: Annotated[
        list[FieldProblem] | None,
        Field(description="The invalid parts of the request, for errors that have some."),
    ] = None


def install_handlers(app: FastAPI) -> None:
    """Register the handlers of this module for every error of the application."""
    app.add_exception_handler(Refused, answer_refused)
    app.add_exception_handler(LedgerUnavailable, answer_unavailable)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(ClientDisconnect, answer_nobody)
    app.add_exception_handler(Exception, answer_unexpected)


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer an error that was raised outside of FastAPI's own layers."""
    if isinstance(error, Refused):
        return await answer_refused(request, error)
    if isinstance(error, LedgerUnavailable):
        return await answer_unavailable(request, error)
    return await answer_unexpected(request, error)


async def answer_refused(request: Request, error: Exception) -> Response:
    """Answer a request that a rule or the ledger refused."""
    assert isinstance(error, Refused)  # noqa: S101 - narrows a type: registered for this class
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"
    return write_problem(
        request, error.status, error.code, error.title, error.detail, errors=error.errors, headers=headers
    )


async def answer_unavailable(request: Request, error: Exception) -> Response:
    """Answer a request that failed because Redis cannot be reached or refuses to write."""
    assert isinstance(error, LedgerUnavailable)  # noqa: S101 - as above
    headers = {"Retry-After": str(error.retry_after_s)}
    return write_problem(request, error.status, error.code, error.title, str(error), headers=headers)


async def answer_invalid(request: Request, error: Exception) -> Response:
    """Answer a request whose parameters FastAPI found invalid."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors = tuple(
        FieldError("", f"{part['loc'][0]} parameter {'.'.join(map(str, part['loc'][1:]))}: {part['msg']}")
        for part in error.errors()
    )
    kind, detail = BadParameter, errors[0].detail
    return write_problem(request, kind.status, kind.code, kind.title, detail, errors=errors)


async def answer_http(request: Request, error: Exception) -> Response:
    """Answer a request that the router refused: an unknown path, or a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    kind: type[Refused] = Refused
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == NotFound.status:
        kind, detail = NotFound, f"There is nothing at {request.url.path}."
    elif error.status_code == MethodNotAllowed.status:
        headers["Allow"] = ", ".join(sorted(find_methods(request)))
        kind, detail = MethodNotAllowed, f"{request.method} is not allowed here; allowed: {headers['Allow']}."
    return write_problem(request, error.status_code, kind.code, kind.title, detail, headers=headers)


async def answer_nobody(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as all handlers
    """Answer a client that has left: it aborted its upload, which is no defect and is not logged."""
    return Response(None, CLIENT_LEFT)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Answer an unexpected error: a defect of ours. The traceback goes to the log, never to the client."""
    request_id = request.scope.get(REQUEST_ID, "")
    logger.error("%s %s failed, request %s", request.method, request.url.path, request_id, exc_info=error)
    request.scope[IS_LOGGED] = True
    detail = "Internal error. It has been logged; you may send the request again."
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
    """Return one problem as a response."""
    content: dict[str, Any] = {  # Any: JSON values of every kind
        "type": f"{request.scope.get('root_path', '')}/problems/{code}",
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
    """Return all methods that a path allows; the router knows only those of its first matching route.

    A literal path such as ``/v1/jobs/cancel`` takes precedence over ``/v1/jobs/{id}``.
    """
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    matching = [
        route for route in request.app.routes if isinstance(route, Route) and route.path_regex.match(path)
    ]
    exact = [route for route in matching if route.path == path]
    return {method for route in exact or matching for method in route.methods or ()}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return error responses for OpenAPI, as explicit references, which every SDK generator reads."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": MEANINGS[status], "content": {MEDIA_TYPE: {"schema": reference}}}
        for status in statuses
    }
