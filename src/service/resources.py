"""What requests share: one object, made by `app.build_app` and handed to routes; no module keeps its own."""

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
from jobline.service.events.beats import Beats
from jobline.service.events.feed import Feed
from jobline.service.events.frames import write_frame
from jobline.service.events.hub import Hub
from jobline.service.events.stream import Write
from jobline.service.guards.scopes import find_tenant
from jobline.service.shapes.tasks import TaskModels, make_models


@dataclass(frozen=True)
class Resources:
    """Hold everything that a request may use."""

    settings: Settings
    registry: Registry
    models: Mapping[str, TaskModels]
    store: Store
    hub: Hub
    beats: Beats
    feed: Feed
    write_frame: Write
    files: FileStore
    retention: Retention

    @classmethod
    def of(cls, settings: Settings, registry: Registry) -> Resources:
        """Make them; nothing connects before the first request needs it."""
        connector = Connector.of(settings)
        hub, beats = Hub(connector), Beats()
        hub.closing.add(beats.end_all)
        write = partial(write_frame, tracebacks=settings.tracebacks)
        return cls(
            settings,
            registry,
            {task.name: make_models(task) for task in registry},
            Store(connector),
            hub=hub,
            beats=beats,
            feed=Feed(connector, write),
            write_frame=write,
            files=FileStore(settings.data_dir),
            retention=settings.retention,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self.hub.close()
        await self.feed.close()
        await self.store.close()


def find_resources(request: Request) -> Resources:
    """Give the application's resources to a route."""
    found: Resources = request.app.state.resources
    return found


def find_caller(request: Request) -> str:
    """Give a route the tenant that calls."""
    return find_tenant(request.scope)


Here = Annotated[Resources, Depends(find_resources)]
Tenant = Annotated[str, Depends(find_caller)]
