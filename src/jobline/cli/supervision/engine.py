"""How Celery is started: its command and its environment. Does not import Celery."""

from __future__ import annotations

import os
import secrets
import sys
from enum import StrEnum

from jobline.worker.entry_points import APP, LIGHT_POOL, THREAD_POOL

#: Has the processes of jobs ignore SIGTERM, which a supervisor may send to all processes of a worker.
STOP_ON_SIGTERM = {"REMAP_SIGTERM": "SIGQUIT"}


class Pool(StrEnum):
    """How a worker runs jobs side by side."""

    #: Set by default. A process for each slot: a job can be killed, and has a core of its own.
    PREFORK = "prefork"
    #: Set by the operator. For jobs that wait: cheap slots, but no time limit and no kill.
    THREADS = "threads"
    #: Set by the operator. For thousands of `async def` jobs at once, and for many short plain ones; no kill.
    LIGHT = "light"
    #: Set by the operator. One job at a time in the worker's own process, for a debugger.
    SOLO = "solo"


#: Jobline's own pools; Celery reads their import paths from CELERY_CUSTOM_WORKER_POOL.
CUSTOM_POOLS = {Pool.THREADS: THREAD_POOL, Pool.LIGHT: LIGHT_POOL}

#: Pools with cheap slots; the others have one for each CPU.
DEFAULT_SLOTS = {Pool.LIGHT: 1000}


class LogLevel(StrEnum):
    """How much the worker logs, in Celery's own words."""

    #: Set by the operator.
    DEBUG = "debug"
    #: Set by default.
    INFO = "info"
    #: Set by the operator, or by `jobline dev`.
    WARNING = "warning"
    #: Set by the operator.
    ERROR = "error"


def celery_environment(pool: Pool) -> dict[str, str]:
    """Return the environment that the command of a worker expects."""
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
    """Return the command of one worker; ``quiet`` leaves the banner out.

    Mingle costs a second at start, and gossip a message every two seconds; the ledger needs neither. ``-O
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
        *(sys.executable, "-P", "-m", "celery"),
        *(*(("--quiet",) if quiet else ()), "-A", APP, "worker"),
        *("--without-mingle", "--without-gossip", "-O", "fair", "-n", node),
        *options,
    ]
