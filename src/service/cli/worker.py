"""`jobline worker`: become stock Celery with the right options. Imports neither Celery nor ``worker``."""

from __future__ import annotations

import os
import secrets
import sys
from enum import StrEnum
from typing import Annotated

import typer

#: Celery's SIGTERM waits for running jobs as long as they take; its SIGQUIT grants them the stop's grace.
STOP_ON_SIGTERM = {"REMAP_SIGTERM": "SIGQUIT"}
#: ``python -m celery``, with the working directory at the end of the path: celery would put it first, and a
#: ``tasks.py`` or ``jobs.py`` of yours would then take the place of Jobline's own packages.
STOCK_CELERY = "import os, sys; sys.path.append(os.getcwd()); from celery.__main__ import main; main()"


class Pool(StrEnum):
    """Say how a worker runs jobs side by side."""

    #: Set by default. A process a slot: a job may be killed, and uses a core of its own.
    PREFORK = "prefork"
    #: Set by the operator. For jobs that wait: cheap slots, but no time limit and no kill.
    THREADS = "threads"
    #: Set by the operator. For thousands of `async def` jobs at once, and for many short plain ones; no kill.
    LIGHT = "light"
    #: Set by the operator. One job at a time in the worker's own process, for a debugger.
    SOLO = "solo"


#: Pools of ours, which Celery takes by their names (its CELERY_CUSTOM_WORKER_POOL).
CUSTOM_POOLS = {Pool.THREADS: "worker.pools:ThreadPool", Pool.LIGHT: "worker.light:LightPool"}


#: Slots that cost next to nothing; the other pools have one a CPU.
DEFAULT_SLOTS = {Pool.LIGHT: 1000}


class LogLevel(StrEnum):
    """Say how much the worker writes; Celery's own words."""

    #: Set by the operator.
    DEBUG = "debug"
    #: Set by default.
    INFO = "info"
    #: Set by the operator, or by `jobline dev`.
    WARNING = "warning"
    #: Set by the operator.
    ERROR = "error"


def worker(
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", min=1, help="Jobs at a time; unset, one a CPU (light: 1000)."),
    ] = None,
    queues: Annotated[
        str | None, typer.Option("--queues", "-Q", metavar="A,B", help="Unset, the queues of all tasks.")
    ] = None,
    pool: Annotated[Pool, typer.Option("--pool", help="How jobs run side by side.")] = Pool.PREFORK,
    loglevel: Annotated[LogLevel, typer.Option("--loglevel", help="How much to write.")] = LogLevel.INFO,
    name: Annotated[str | None, typer.Option("--name", help="Unique; unset, made for each process.")] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Workers side by side, each with its own event loop.")
    ] = 1,
) -> None:
    """Run a worker: stock Celery, in place of this process; or several of them, kept alive."""
    os.environ.update(celery_environment(pool))
    names = [name] if processes == 1 else [name and f"{name}-{number}" for number in range(1, processes + 1)]
    commands = [
        celery_command(
            concurrency=concurrency,
            queues=queues,
            pool=pool,
            loglevel=loglevel,
            name=each,
            quiet=processes > 1,
        )
        for each in names
    ]
    if processes > 1:
        from service.cli.fleet import run_fleet

        run_fleet(commands)
        return
    command = commands[0]
    os.execv(command[0], command)  # noqa: S606 - to become Celery without a shell is this command's purpose


def celery_environment(pool: Pool) -> dict[str, str]:
    """Give the environment that the command of a worker expects."""
    custom = {"CELERY_CUSTOM_WORKER_POOL": CUSTOM_POOLS[pool]} if pool in CUSTOM_POOLS else {}
    return STOP_ON_SIGTERM | custom


def celery_command(
    *,
    concurrency: int | None = None,
    queues: str | None = None,
    pool: Pool = Pool.PREFORK,
    loglevel: LogLevel = LogLevel.INFO,
    name: str | None = None,
    quiet: bool = False,
) -> list[str]:
    """Write the command of one worker; ``quiet`` leaves the banner out.

    Mingle costs a second of start and gossip a message each two seconds; the ledger needs neither. ``-O
    fair`` gives a job only to a child that is free.
    """
    options = [
        "--pool",
        "custom" if pool in CUSTOM_POOLS else pool,
        "--concurrency",
        str(concurrency or DEFAULT_SLOTS.get(pool) or os.cpu_count() or 1),
        "--loglevel",
        loglevel,
    ]
    if queues:
        options += ["--queues", queues]
    node = f"{name or f'worker-{secrets.token_hex(4)}'}@%h"
    return [
        *(sys.executable, "-P", "-c", STOCK_CELERY),
        *(*(("--quiet",) if quiet else ()), "-A", "worker.main", "worker"),
        *("--without-mingle", "--without-gossip", "-O", "fair", "-n", node),
        *options,
    ]
