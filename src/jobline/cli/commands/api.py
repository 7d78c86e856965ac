"""`jobline api`: uvicorn in this process; a stop ends open event streams first."""

from __future__ import annotations

from typing import Annotated

import typer

from jobline.cli.ports import HOST, check_port
from jobline.domain.errors import SettingsError
from jobline.domain.settings import Auth, Settings, read_settings
from jobline.files import check_data_dir


def api(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; beyond loopback, only with keys.")
    ] = HOST,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP port.")] = 8000,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log a line for each request.")] = False,
) -> None:
    """Run the HTTP API."""
    settings = read_settings()
    check_reach(host, settings)
    check_data_dir(settings.data_dir)
    check_port(host, port)
    from jobline.service.main import app
    from jobline.service.server.server import build_server

    build_server(app, host, port, access_log=access_log).run()


def check_reach(host: str, settings: Settings) -> None:
    """Raise SettingsError when the API would serve the network without keys; it names both ways out."""
    from jobline.service.guards.reach import is_loopback

    if is_loopback(host) or settings.auth is Auth.KEYS or settings.allow_open:
        return
    raise SettingsError(
        f"refusing to listen on {host} without keys: anybody who reaches it could run jobs and read results. "
        "Set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true behind a gateway of your own"
    )
