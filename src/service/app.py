"""The application: the table of contents of everything that the service offers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

import jobline
from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from jobline.garbage import frozen_imports
from jobline.service.answers.problems import install_handlers
from jobline.service.guards.access import AccessControl
from jobline.service.guards.hardening import Hardening
from jobline.service.guards.key_cache import KeyCache
from jobline.service.guards.rate_limit import RateLimiter
from jobline.service.guards.reach import ReachCheck
from jobline.service.guards.scopes import ScopeTable
from jobline.service.openapi.document import install_openapi
from jobline.service.resources import Resources
from jobline.service.routes import (
    batches,
    catalogue,
    docs,
    events,
    files,
    health,
    job_lists,
    jobs,
    problems,
    queues,
    submit,
)
from jobline.service.routes.direct import Shortcut
from jobline.service.server.deferred import DeferredAnswers

#: Every module of routes. The order counts: the first route that matches answers.
ROUTES = (
    submit, batches, job_lists, jobs, events, files, catalogue, queues, health, problems, docs,
)  # fmt: skip
DESCRIPTION = """\
Each task is an operation of its own, with a typed input and a typed result.

1. Submit a job with `POST /v1/tasks/{task}/jobs`. A 202 means that the job is stored durably.
2. Read it with `GET /v1/jobs/{id}`, or follow it with `GET /v1/jobs/{id}/events`.
3. Send an `Idempotency-Key` to make a submit safe to repeat.

Every error is a `Problem` (RFC 9457) with a stable `code`.
"""
CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CORS_HEADERS = (
    "Authorization", "Content-Disposition", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range",
    "Last-Event-ID", "Prefer", "Range", "X-Request-ID",
)  # fmt: skip
CORS_EXPOSED = (
    "Content-Disposition", "Content-Range", "ETag", "Idempotent-Replayed", "Link", "Location",
    "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID",
)  # fmt: skip


def build_app(settings: Settings, registry: Registry) -> FastAPI:
    """Return the service for these tasks; it connects to nothing before the first request."""
    resources = Resources.of(settings, registry)
    app = Service(
        title="Jobline",
        summary="Durable, typed jobs over HTTP",
        description=DESCRIPTION,
        version=jobline.__version__,
        lifespan=run_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.resources = resources
    app.state.shutdown = resources.shutdown
    install_handlers(app)
    for module in ROUTES:
        app.router.routes.extend(module.routes(resources))
    app.router.routes.extend(list(make_heads(app.router.routes)))
    install_openapi(app)
    app.entry = add_guards(Shortcut(app.entry, app.router.routes), ScopeTable(app.router.routes), resources)
    return app


def make_heads(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Yield a route for the HEAD of each GET that has none (RFC 9110, section 9.3.2).

    Servers drop the body of its response.
    """
    known = [route for route in routes if isinstance(route, Route)]
    with_head = {route.path for route in known if "HEAD" in (route.methods or ())}
    for route in known:
        if "GET" in (route.methods or ()) and route.path not in with_head:
            head = Route(route.path, route.endpoint, methods=["HEAD"], include_in_schema=False)
            head.methods, head.app = {"HEAD"}, route.app
            yield head


class Service(FastAPI):
    """FastAPI with an entry in front of all of its own layers, for the guards."""

    def __init__(self, **options: Any) -> None:  # Any: as FastAPI's
        super().__init__(**options)
        self.entry: ASGIApp = super().__call__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.entry(scope, receive, send)


def add_guards(app: ASGIApp, scopes: ScopeTable, resources: Resources) -> ASGIApp:
    """Wrap the application in what every request passes, from the innermost to the outermost."""
    settings, store = resources.settings, resources.store
    app = AccessControl(
        app,
        find_scope=scopes.find,
        key_cache=KeyCache(store) if settings.auth is Auth.KEYS else None,
        reach=ReachCheck(
            is_local=settings.auth is Auth.OFF and not settings.allow_open,
            origins=settings.cors_origins,
            hosts=settings.hosts,
        ),
        rate_limiter=RateLimiter(store, settings.rate_limit) if settings.rate_limit else None,
    )
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=CORS_EXPOSED,
        )
    app = Hardening(app, body_timeout_s=settings.body_timeout_s, is_shared=bool(settings.cors_origins))
    return DeferredAnswers(app)


@asynccontextmanager
async def run_lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Prepare for the shutdown, and close the connections at the end."""
    resources: Resources = app.state.resources
    resources.shutdown.bind()
    try:
        with frozen_imports():
            yield
    finally:
        resources.shutdown.begin()
        await resources.close()
