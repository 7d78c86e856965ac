"""Responses that are sent after their route has returned: waits for a job's end, and event streams.

A request that waited inside its route would keep the frames of all middleware, of the router and of FastAPI's
dependency solving in memory: more than everything else that it costs. So the route leaves a `DeferredAnswer`
in the scope and returns. `DeferredAnswers`, the outermost ASGI wrapper, continues with it: the request's own
task only waits for the client to disconnect. When there is something to send, a short-lived *sender* task
sends it. A client for which nothing happens has no second task.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send

#: Key of the deferred answer in the scope of a request.
DEFERRED = "jobline.deferred"
#: What FastAPI leaves in the scope. It is not needed any more, and it is large.
LEFTOVERS = ("fastapi", "fastapi_middleware_astack", "fastapi_inner_astack", "fastapi_function_astack")


class DeferredAnswers:
    """The outermost ASGI wrapper, which runs the deferred answers of the routes below."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        deferred: DeferredAnswer | None = scope.pop(DEFERRED, None)
        if deferred is not None:
            for name in LEFTOVERS:
                scope.pop(name, None)
            await deferred.run(receive, send)


class DeferredAnswer(ABC):
    """A response that continues whenever a notification wakes its sender task."""

    __slots__ = ("_is_closed", "_send", "_sender")

    def __init__(self) -> None:
        self._send: Send | None = None  # the server's own, from `run` on
        self._sender: asyncio.Task[None] | None = None
        self._is_closed = False

    async def run(self, receive: Receive, send: Send) -> None:
        """Continue until the response is complete or the client disconnects, then close."""
        self._send = send
        try:
            self._start()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.close()

    def close(self) -> None:
        """Stop sending, and unsubscribe."""
        self._is_closed = True
        if self._sender is not None:
            self._sender.cancel()
        self._unsubscribe()

    @abstractmethod
    def _start(self) -> None:
        """Begin to wait; wake the sender if something happened before."""

    @abstractmethod
    async def _send_pending(self, send: Send) -> None:
        """Send what is pending. Must not raise."""

    @abstractmethod
    def _unsubscribe(self) -> None:
        """End all subscriptions of this answer."""

    def _wake(self) -> None:
        if self._sender is None and self._send is not None and not self._is_closed:
            self._sender = asyncio.create_task(self._run_sender(self._send))

    async def _run_sender(self, send: Send) -> None:
        try:
            await self._send_pending(send)
        finally:
            self._sender = None
