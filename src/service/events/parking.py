"""Park streams below the middleware: a plain ASGI wrapper, to be the outermost.

A stream that waited where its route was called would keep the frames of all middleware and of the router, a
third of what it costs. So the route begins the answer, leaves the stream in the scope and returns; here it
goes on.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from service.events.stream import Stream

#: Where the route leaves the stream.
PARKED = "jobline.stream"


class Parking:
    """Go on with the streams that routes began."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        stream: Stream | None = scope.pop(PARKED, None)
        if stream is not None:
            scope.pop("fastapi_middleware_astack", None)  # done with, and of some weight
            await stream.run(receive, send)
