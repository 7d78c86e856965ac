"""How Celery is started: its command and its environment. Does not import Celery."""

from __future__ import annotations

import os
import secrets
import sys
from enum import StrEnum

from jobline.worker.entry_points import APP, LIGHT_POOL, THREAD_POOL

#: Celery's SIGTERM waits for running jobs as long as they take; its SIGQUIT grants them the stop's grace.
STOP_ON_SIGTERM = {"REMAP_SIGTERM": "SIGQUIT"}


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
CUSTOM_POOLS = {Pool.THREADS: THREAD_POOL, Pool.LIGHT: LIGHT_POOL}

#: Pools whose jobs run where Celery handles signals. Its SIGQUIT grants the grace within the handler, while
#: they stand still; with its SIGTERM they go on, and the light pool bounds that by the grace itself.
ON_THE_LOOP = frozenset({Pool.LIGHT, Pool.SOLO})

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


def celery_environment(pool: Pool) -> dict[str, str]:
    """Give the environment that the command of a worker expects."""
    custom = {"CELERY_CUSTOM_WORKER_POOL": CUSTOM_POOLS[pool]} if pool in CUSTOM_POOLS else {}
    stop = {"REMAP_SIGTERM": ""} if pool in ON_THE_LOOP else STOP_ON_SIGTERM
    return stop | custom


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
        *(sys.executable, "-P", "-m", "celery"),
        *(*(("--quiet",) if quiet else ()), "-A", APP, "worker"),
        *("--without-mingle", "--without-gossip", "-O", "fair", "-n", node),
        *options,
    ]
