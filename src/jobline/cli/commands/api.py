"""`jobline api`: uvicorn in this process; a stop ends open event streams first."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from jobline.cli.commands.settings import write_masked
from jobline.cli.options import report
from jobline.cli.ports import HOST, check_port
from jobline.domain.errors import SettingsError
from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings, read_settings
from jobline.files import check_data_dir
from jobline.startup import SUPERVISOR_TOKEN

#: How many tasks the line at the start names.
NAMED_TASKS = 6


def api(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; beyond loopback, only with keys.")
    ] = HOST,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP port.")] = 8000,
    root_path: Annotated[
        str, typer.Option("--root-path", help="Path that a proxy in front adds and strips, like /jobs.")
    ] = "",
    access_log: Annotated[bool, typer.Option("--access-log", help="Log a line for each request.")] = False,
) -> None:
    """Run the HTTP API."""
    settings = read_settings()
    check_reach(host, settings)
    check_data_dir(settings.data_dir)
    check_port(host, port)
    from jobline.service.main import app
    from jobline.service.server.server import build_server

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if SUPERVISOR_TOKEN not in os.environ:  # `jobline dev` greets itself
        report(describe_start(host, port, settings, app.state.resources.registry))
    build_server(
        app,
        host,
        port,
        access_log=access_log,
        keep_alive_s=settings.keep_alive_s,
        root_path=root_path.rstrip("/"),
    ).run()


def describe_start(host: str, port: int, settings: Settings, registry: Registry) -> str:
    """Return where the API is, what it offers and where its ledger is, without a password."""
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    names = list(registry.tasks)
    tasks = ", ".join(names[:NAMED_TASKS])
    more = f" and {len(names) - NAMED_TASKS} more" if len(names) > NAMED_TASKS else ""
    return (
        f"jobline: the API starts at {url}, its documentation at {url}/docs; tasks: {tasks}{more}; "
        f"ledger: {write_masked(settings.redis_url)}; keys: {settings.auth.value}"
    )


def check_reach(host: str, settings: Settings) -> None:
    """Raise SettingsError when the API would serve the network without keys; it names both ways out."""
    from jobline.service.guards.reach import is_loopback

    if is_loopback(host) or settings.auth is Auth.KEYS or settings.allow_open:
        return
    raise SettingsError(
        f"refusing to listen on {host} without keys: anybody who reaches it could run jobs and read results. "
        "Set JOBLINE_AUTH=keys, or JOBLINE_ALLOW_OPEN=true behind a gateway of your own"
    )
