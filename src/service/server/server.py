"""uvicorn with a shutdown that ends event streams. `jobline.cli.commands.api` chooses the address."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from itertools import count
from types import FrameType

import uvicorn
from fastapi import FastAPI

from jobline.service.server.limits import Limits
from jobline.service.server.log_bounds import bound_log_lines
from jobline.service.server.protocol import BoundedProtocol
from jobline.service.server.shutdown import Shutdown

#: Time for open requests after the shutdown has begun, as a safety net: streams end within 0.2 s (measured).
GRACEFUL_S = 3
#: Proxies keep idle connections for 60 s; the side that closes first must be the proxy.
KEEP_ALIVE_S = 75
#: uvicorn's loop counts tenths of a second, and updates the date header at each tenth one.
TICKS = 10


class Server(uvicorn.Server):
    """A uvicorn server that announces its shutdown, and for which a planned stop is exit code 0."""

    def __init__(self, config: uvicorn.Config, shutdown: Shutdown) -> None:
        super().__init__(config)
        self._shutdown = shutdown

    async def main_loop(self) -> None:
        """Update the date header each second until the shutdown begins.

        uvicorn's own loop polls for the shutdown ten times a second. With ten thousand idle streams open,
        that is a sixth of the work of the process.
        """
        has_begun = asyncio.Event()
        self._shutdown.add_callback(has_begun.set)
        ticks = count(step=TICKS)
        while not await self.on_tick(next(ticks)):
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await has_begun.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        self._shutdown.begin()
        # Without the parent's method: it raises the signal again after the shutdown, so a planned stop would
        # look like a crash.
        self.force_exit = self.should_exit
        self.should_exit = True


def build_server(
    app: FastAPI,
    host: str,
    port: int,
    *,
    access_log: bool,
    keep_alive_s: int = KEEP_ALIVE_S,
    root_path: str = "",
) -> Server:
    """Return a server for the application. Its first signal begins the shutdown, its second one forces it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=partial(BoundedProtocol, limits=Limits.of_process()),  # type: ignore[arg-type] # it makes a protocol
        ws="none",
        loop="uvloop",
        lifespan="on",
        access_log=access_log,
        log_config=None,  # `jobline api` gives every line its time, uvicorn's too
        log_level="info" if access_log else "warning",
        server_header=False,
        proxy_headers=access_log,  # only the access log uses the client's address that a proxy reports
        timeout_keep_alive=keep_alive_s,
        root_path=root_path,
        timeout_graceful_shutdown=GRACEFUL_S,
    )
    bound_log_lines()
    return Server(config, getattr(app.state, "shutdown", None) or Shutdown())
