"""What all requests share: one object, created by `app.build_app`. No module keeps resources of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Request

from jobline.domain.registry import Registry
from jobline.domain.retention import Retention
from jobline.domain.settings import Settings
from jobline.files import FileStore
from jobline.ledger.connect import Connector
from jobline.ledger.store import Store
from jobline.service.events.dispatcher import Dispatcher
from jobline.service.events.feed import Feed
from jobline.service.events.frames import write_frame
from jobline.service.events.heartbeats import Heartbeats
from jobline.service.events.stream import Write
from jobline.service.guards.scopes import find_tenant
from jobline.service.server.shutdown import Shutdown
from jobline.service.shapes.task_models import TaskModels, check_documented, make_models


@dataclass(frozen=True)
class Resources:
    """Everything that a request may use."""

    settings: Settings
    registry: Registry
    models: Mapping[str, TaskModels]
    store: Store
    shutdown: Shutdown
    dispatcher: Dispatcher
    heartbeats: Heartbeats
    feed: Feed
    write_frame: Write
    files: FileStore
    retention: Retention

    @classmethod
    def of(cls, settings: Settings, registry: Registry) -> Resources:
        """Create the resources; nothing connects before the first request needs it.

        Raises DeclarationError for a task that the document of the API cannot hold.
        """
        for task in (*registry, *registry.unavailable.values()):
            check_documented(task)
        connector = Connector.of(settings)
        shutdown, heartbeats = Shutdown(), Heartbeats()
        shutdown.add_callback(heartbeats.end_all)
        write = partial(write_frame, tracebacks=settings.tracebacks)
        return cls(
            settings,
            registry,
            {task.name: make_models(task) for task in registry},
            Store(connector),
            shutdown=shutdown,
            dispatcher=Dispatcher(connector, shutdown),
            heartbeats=heartbeats,
            feed=Feed(connector, write),
            write_frame=write,
            files=FileStore(settings.data_dir),
            retention=settings.retention,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self.dispatcher.close()
        await self.feed.close()
        await self.store.close()


def find_resources(request: Request) -> Resources:
    """Return the resources of the application that handles a request."""
    found: Resources = request.app.state.resources
    return found


def find_caller(request: Request) -> str:
    """Return the tenant of the caller."""
    return find_tenant(request.scope)


ResourcesDep = Annotated[Resources, Depends(find_resources)]
Tenant = Annotated[str, Depends(find_caller)]
