"""Build the application: the table of contents of everything that HTTP offers."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from jobs.registry import Registry
from jobs.settings import Settings
from service.hardening import SecurityHeaders
from service.openapi import install_openapi
from service.problems import install_handlers
from service.resources import Resources
from service.routes import catalogue, files, health, problems
from service.routes.docs import add_docs
from service.routes.jobs import add_job_routes
from service.routes.submit import add_submit_routes

#: Of the contract, not of a release: the document changes when the API does.
API_VERSION = "1.0"
#: Young objects are looked at less often: a submit makes few that outlive it.
GC_THRESHOLDS = (20_000, 50, 100)


def build_app(settings: Settings, registry: Registry) -> FastAPI:
    """Make the service of these tasks; it connects to nothing before it is asked."""
    resources = Resources.of(settings, registry)
    app = FastAPI(
        title="Jobline",
        summary="Durable, typed jobs",
        version=API_VERSION,
        lifespan=live,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.resources = resources
    app.state.closing = resources.hub.closing
    install_handlers(app)

    app.add_middleware(SecurityHeaders)

    add_submit_routes(app, resources)
    add_job_routes(app, resources)
    app.include_router(files.router)
    app.include_router(catalogue.router)
    app.include_router(health.router)
    app.include_router(problems.router)
    add_docs(app)
    install_openapi(app)
    return app


@asynccontextmanager
async def live(app: FastAPI) -> AsyncIterator[None]:
    """Hold the connections while the server runs."""
    resources: Resources = app.state.resources
    resources.hub.closing.bind()
    gc.collect()
    gc.freeze()  # what was imported is never garbage: leave it out of every later collection
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.unfreeze()
        resources.hub.closing.set()
        await resources.close()
