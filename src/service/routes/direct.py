"""Routes that are answered right behind the guards, without FastAPI's own layers: the submits.

FastAPI passes a request through eight layers before a route sees it, and the response through as many. They
solve dependencies, close what the dependencies opened and handle errors. A direct route needs none of them,
so `Shortcut` finds it by its path, ahead of FastAPI. It is in the router as well, for the OpenAPI document
and for the 405 of other methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute(APIRoute, ABC):
    """A route that answers the POST of one path itself; its endpoint serves the OpenAPI document alone."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:  # Any: as APIRoute's
        super().__init__(path, endpoint, methods=["POST"], **more)
        self.app = self.answer

    @abstractmethod
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; `jobline.service.answers.problems` answers the errors that it raises."""


class Shortcut:
    """An ASGI wrapper that passes a POST to the direct route of its path, and all else to the application."""

    def __init__(self, app: ASGIApp, routes: Iterable[object]) -> None:
        self.app = app
        self._routes = {route.path: route for route in routes if isinstance(route, DirectRoute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            route = self._routes.get(scope["path"])
            if route is not None:
                await route.answer(scope, receive, send)
                return
        await self.app(scope, receive, send)
