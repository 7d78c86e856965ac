"""Build the application: the table of contents of everything that HTTP offers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from jobline.garbage import spared_imports
from jobline.service.answers.problems import install_handlers
from jobline.service.guards.gate import Gate
from jobline.service.guards.hardening import Hardening
from jobline.service.guards.keyring import Keyring
from jobline.service.guards.quota import Quota
from jobline.service.intake.direct import Shortcut
from jobline.service.resources import Resources
from jobline.service.routes import bulk, catalogue, files, health, problems, queues
from jobline.service.routes.batches import add_batch_routes
from jobline.service.routes.docs import add_docs
from jobline.service.routes.events import add_event_routes
from jobline.service.routes.jobs import add_job_routes
from jobline.service.routes.submit import add_submit_routes
from jobline.service.server.parking import Parking
from jobline.service.shapes.openapi import install_openapi

#: Of the contract, not of a release: the document changes when the API does.
API_VERSION = "1.0"
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
    """Make the service of these tasks; it connects to nothing before it is asked."""
    resources = Resources.of(settings, registry)
    app = Service(
        title="Jobline",
        summary="Durable, typed jobs",
        version=API_VERSION,
        lifespan=live,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.resources = resources
    app.state.closing = resources.hub.closing
    install_handlers(app)

    add_submit_routes(app, resources)
    add_batch_routes(app, resources)
    add_job_routes(app, resources)
    app.include_router(bulk.router)
    add_event_routes(app)
    app.include_router(files.router)
    app.include_router(catalogue.router)
    app.include_router(queues.router)
    app.include_router(health.router)
    app.include_router(problems.router)
    add_docs(app)
    install_openapi(app)
    app.entry = guard(Shortcut(app.entry, app.router.routes), resources)
    return app


class Service(FastAPI):
    """Be FastAPI, entered through what stands in front of all of it, its own layers included."""

    def __init__(self, **options: Any) -> None:  # Any: as FastAPI's
        super().__init__(**options)
        self.entry: ASGIApp = super().__call__

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.entry(scope, receive, send)


def guard(app: ASGIApp, resources: Resources) -> ASGIApp:
    """Put what every request passes in front: hardening first, the gate last; waits are parked ahead."""
    settings, store = resources.settings, resources.store
    app = Gate(
        app,
        keyring=Keyring(store) if settings.auth is Auth.KEYS else None,
        quota=Quota(store, settings.rate_limit) if settings.rate_limit else None,
        is_open=settings.allow_open,
        origins=settings.cors_origins,
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
    return Parking(app)


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[None]:
    """Hold the connections while the server runs."""
    resources: Resources = app.state.resources
    resources.hub.closing.bind()
    try:
        with spared_imports():
            yield
    finally:
        resources.hub.closing.set()
        await resources.close()
