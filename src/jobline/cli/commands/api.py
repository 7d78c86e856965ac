"""`jobline api`: uvicorn in this process, with an end that open event streams hear of."""

from __future__ import annotations

from typing import Annotated

import typer

from jobline.cli.ports import HOST, check_port
from jobline.domain.errors import SettingsError
from jobline.domain.settings import Auth, Settings, read_settings


def api(
    host: Annotated[str, typer.Option("--host", help="Beyond loopback only with keys.")] = HOST,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The TCP port.")] = 8000,
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line for each request.")] = False,
) -> None:
    """Run the HTTP API."""
    check_reach(host, read_settings())
    check_port(host, port)
    from jobline.service.main import app
    from jobline.service.server.server import build_server

    build_server(app, host, port, access_log=access_log).run()


def check_reach(host: str, settings: Settings) -> None:
    """Refuse to serve everybody on the network without keys; raises SettingsError, naming both ways out."""
    from jobline.service.guards.reach import is_loopback

    if is_loopback(host) or settings.auth is Auth.KEYS or settings.allow_open:
        return
    raise SettingsError(
        f"refusing to listen on {host} without keys: whoever reaches it could run jobs and read results. "
        "Set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true behind a gateway of your own"
    )
