"""Redis, a worker and the API under one supervisor: what `jobline dev` and `jobline demo` start.

They start in that order and stop in the opposite one: the API first, so that nothing new is accepted, then
the worker, which releases its running jobs, then Redis, which keeps them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from jobline.cli.embedded import (
    DirectoryLock,
    answering_pid,
    find_server,
    free_port,
    server_command,
    server_environment,
)
from jobline.cli.ports import HOST, is_free
from jobline.cli.supervision.check import Check, check_ledger, check_start
from jobline.cli.supervision.child import Child, Spec
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.engine import STOP_ON_SIGTERM, LogLevel, celery_command
from jobline.cli.supervision.supervisor import Supervisor
from jobline.domain.errors import JoblineError

#: The default port of Redis, if it is free, so that a stock client finds the ledger by its default URL.
USUAL_REDIS_PORT = 6379
REDIS_PORTS = 10
REDIS_TIMEOUT_S = 15.0
API_GRACE_S = 5.0
REDIS_GRACE_S = 5.0
#: Seconds that a stopping worker needs beyond the grace of its jobs, to release them and to end its children.
WORKER_EXTRA_S = 5.0
POLL_S = 0.05
#: Seconds before a slow start reports what it is waiting for.
PATIENCE_S = 10.0


class NotReady(JoblineError):
    """Redis, worker and API did not become ready in time."""


@dataclass(frozen=True)
class Plan:
    """What to start, and where."""

    data_dir: Path
    port: int
    stop_grace_s: float
    concurrency: int | None = None
    #: A Redis that runs already; None starts one.
    redis_url: str | None = None
    redis_port: int = USUAL_REDIS_PORT
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Stack:
    """What runs, and how to reach it."""

    url: str
    redis_url: str
    console: Console
    #: What API and worker have loaded; a reload replaces it.
    check: Check
    environment: Mapping[str, str]
    shells: tuple[Child, ...]

    async def wait_until_ready(self, timeout_s: float = float("inf")) -> None:
        """Return when API, worker and Redis are ready for a job; raises NotReady after ``timeout_s``."""
        began = told = time.monotonic()
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=3) as http:
            while (reason := await ask_health(http)) is not None:
                now = time.monotonic()
                if now - began > timeout_s:
                    raise NotReady(f"not ready after {timeout_s:g} s: {reason}")
                if now - told > PATIENCE_S:
                    self.console.say_own(f"still waiting: {reason}")
                    told = now
                await asyncio.sleep(POLL_S)


@contextlib.asynccontextmanager
async def open_stack(plan: Plan, console: Console) -> AsyncIterator[Stack]:
    """Start Redis (unless the plan names one), a worker and the API; stop them at the end.

    Raises DirectoryLocked, ServerMissing, DeclarationError when the tasks cannot be loaded, or NotReady when
    Redis does not answer.
    """
    directory = plan.data_dir.absolute()
    binary = None if plan.redis_url else find_server()
    async with Supervisor(directory, console) as supervisor:
        with DirectoryLock(directory / "redis", "redis.lock") as lock:
            port = find_redis_port(plan.redis_port)
            redis_url = plan.redis_url or f"redis://{HOST}:{port}/0"
            environment = {
                "JOBLINE_REDIS_URL": redis_url,
                "JOBLINE_BROKER_URL": "",
                "JOBLINE_DATA_DIR": str(directory),
                "PYTHONUNBUFFERED": "1",
                **plan.environment,
            }
            redis = start_redis(supervisor, binary, lock, port) if binary else None
            check = await check_start(environment, console.say_own)  # while Redis starts
            if redis:
                await wait_for_redis(redis, port)
                lock.note(redis.pid)
            await asyncio.to_thread(check_ledger, redis_url)
            started = tuple(supervisor.start(spec) for spec in shells(plan, environment))
            yield Stack(f"http://{HOST}:{plan.port}", redis_url, console, check, environment, started)


def find_redis_port(wanted: int) -> int:
    """Return the wanted port, else the first free one after it, so that it is mostly the same each time."""
    return next((port for port in range(wanted, wanted + REDIS_PORTS) if is_free(port)), 0) or free_port()


def start_redis(supervisor: Supervisor, binary: Path, lock: DirectoryLock, port: int) -> Child:
    """Start Redis in the locked directory."""
    command = server_command(binary, lock.path.parent, port, loglevel="warning")
    spec = Spec("redis", tuple(command), REDIS_GRACE_S, server_environment(), pass_fds=(lock.fd,))
    return supervisor.start(spec)


async def wait_for_redis(redis: Child, port: int) -> None:
    """Return when this Redis answers with its data loaded; raises NotReady when it does not in time."""
    deadline = time.monotonic() + REDIS_TIMEOUT_S
    while answering_pid(port) != redis.pid:
        if time.monotonic() > deadline:
            raise NotReady(f"Redis did not answer on port {port} in {REDIS_TIMEOUT_S:g} s")
        await asyncio.sleep(POLL_S)


def shells(plan: Plan, environment: Mapping[str, str]) -> list[Spec]:
    """Return how to start the worker and the API, in the order of their start."""
    celery = celery_command(concurrency=plan.concurrency, loglevel=LogLevel.INFO, quiet=True)
    api = (sys.executable, "-P", "-m", "jobline.cli", "api", "--host", HOST, "--port", str(plan.port))
    return [
        Spec("worker", tuple(celery), plan.stop_grace_s + WORKER_EXTRA_S, {**environment, **STOP_ON_SIGTERM}),
        Spec("api", api, API_GRACE_S, environment),
    ]


async def ask_health(http: httpx.AsyncClient) -> str | None:
    """Return what ``/health/ready`` says is missing; None when everything is ready."""
    try:
        answer = await http.get("/health/ready")
    except httpx.HTTPError as error:
        return f"the API does not answer ({type(error).__name__})"
    return None if answer.is_success else " ".join(answer.text.split())[:300]
