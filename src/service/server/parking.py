"""Park requests that wait, below all layers: a plain ASGI wrapper, to be the outermost.

A request that waited where its route was called would keep the frames of all middleware, of the router and of
FastAPI's dependency solving: more than all else that it costs. So the route leaves a `Parked` in the scope
and returns; here the request's task goes on, and does nothing but wait for the client to leave. Whoever has
something for the client wakes a *pump*, a task that sends until nothing is left: what has nothing to send
costs no task of its own.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send

#: Where a route leaves what goes on.
PARKED = "jobline.parked"
#: What FastAPI leaves there: done with, and not light.
LEFT = ("fastapi", "fastapi_middleware_astack", "fastapi_inner_astack", "fastapi_function_astack")


class Parking:
    """Go on with what routes began."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        parked: Parked | None = scope.pop(PARKED, None)
        if parked is not None:
            for name in LEFT:
                scope.pop(name, None)
            await parked.run(receive, send)


class Parked(ABC):
    """Hold a request, and go on with its answer whenever something wakes it."""

    __slots__ = ("_is_closed", "_pump", "_send")

    def __init__(self) -> None:
        self._send: Send | None = None  # the server's own, once parked
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False

    async def run(self, receive: Receive, send: Send) -> None:
        """Go on, until the answer is whole or the client leaves; then close."""
        self._send = send
        try:
            self._start()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.close()

    def close(self) -> None:
        """Send no more, and let go of what holds this."""
        self._is_closed = True
        if self._pump is not None:
            self._pump.cancel()
        self._release()

    @abstractmethod
    def _start(self) -> None:
        """Begin to wait: wake at once, if there was news before."""

    @abstractmethod
    async def _go_on(self, send: Send) -> None:
        """Send what there is; no more where all was sent. Raises nothing."""

    @abstractmethod
    def _release(self) -> None:
        """Be told no more."""

    def _wake(self) -> None:
        if self._pump is None and self._send is not None and not self._is_closed:
            self._pump = asyncio.create_task(self._run_pump(self._send))

    async def _run_pump(self, send: Send) -> None:
        try:
            await self._go_on(send)
        finally:
            self._pump = None
