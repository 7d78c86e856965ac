"""uvicorn, with an end that open event streams hear of. Settles no address: `jobline.cli.api` does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from types import FrameType

import uvicorn
from fastapi import FastAPI

from jobline.service.events.hub import Closing
from jobline.service.server.protocol import BoundedProtocol

#: The second belt: what an open stream may still take, once told to end (0.2 s, measured).
GRACEFUL_S = 3
#: uvicorn's ticks of a second; it writes the date with each tenth one.
TICKS = 10


class ClosingServer(uvicorn.Server):
    """Tell open event streams to end: uvicorn waits for them, and they wait for events."""

    def __init__(self, config: uvicorn.Config, closing: Closing) -> None:
        super().__init__(config)
        self._closing = closing

    async def main_loop(self) -> None:
        """Write the date each second until told to end; uvicorn's own looks for that ten times a second.

        An idle process wakes that much less: with ten thousand streams open, that is a sixth of what it does.
        """
        told = asyncio.Event()
        self._closing.add(told.set)
        ticks = count(step=TICKS)
        while not await self.on_tick(next(ticks)):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        self._closing.set()
        # Not the parent's: it raises the signal again after the shutdown, so that a planned stop looks like a
        # crash.
        self.force_exit = self.should_exit
        self.should_exit = True


def build_server(app: FastAPI, host: str, port: int, *, access_log: bool) -> ClosingServer:
    """Make a server whose first signal tells the app that it is closing, and whose graceful end is exit 0."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedProtocol,
        loop="uvloop",
        lifespan="on",
        access_log=access_log,
        log_level="info" if access_log else "warning",
        server_header=False,
        proxy_headers=access_log,  # of what proxies tell, only the client's address in that log is used
        timeout_graceful_shutdown=GRACEFUL_S,
    )
    return ClosingServer(config, getattr(app.state, "closing", None) or Closing())
