"""A service of outside tasks on a real Redis, and a stand-in for the worker that speaks the same commands."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest
import redis
from fastapi import FastAPI
from pydantic import SecretStr

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.access import Scope, make_token
from jobline.domain.record import Failure
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.commands.command import Command, Lives
from jobline.service.app import build_app
from tests.service import demo_tasks

T = TypeVar("T")
LIVES = Lives(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
ADD = "/v1/tasks/demo.add/jobs"
DRAW = "/v1/tasks/demo.draw/jobs"
ORDER = {"input": {"a": 1}}
PATIENCE_S = 10.0
MakeKey = Callable[..., str]


class Worker:
    """Move jobs as a worker would: by commands, synchronously."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def run(self, command: Command[T]) -> T:
        return command.read(self.redis.eval(command.script.text, 0, *command.args))

    def beat(self, **about: Any) -> None:
        self.run(
            commands.clock.tick("w1", json.dumps({"capacity": 2, **about}), lease_ms=30_000, lives=LIVES)
        )

    def claim(self, queue: str = "sums") -> Claimed:
        (claimed,) = self.run(commands.attempts.claim("w1", [queue], slots=1, lease_ms=30_000, lives=LIVES))
        return claimed

    def succeed(self, job: Claimed, result: dict[str, Any], **more: Any) -> None:
        artifacts = more.get("artifacts", ())
        self.run(commands.attempts.succeed(job.id, job.fence, json.dumps(result), artifacts, LIVES))

    def fail(self, job: Claimed, code: str = "demo.broken", traceback: str | None = None) -> None:
        failure = Failure(code, "It broke.", retryable=False, attempt=job.attempt, traceback=traceback)
        self.run(commands.attempts.fail(job.id, job.fence, failure, LIVES))

    def make_due(self, queue: str) -> None:
        """Let the time come for the scheduled jobs of a queue."""
        due = f"jl:due:{queue}"
        ids: Any = self.redis.zrange(due, 0, -1)
        self.redis.zadd(due, dict.fromkeys(ids, 1))
        self.beat()

    def forget(self, job_id: str) -> None:
        """Let a finished job's time be over."""
        self.redis.zadd("jl:finished", {job_id: 1})
        self.beat()


class Serve(Protocol):
    """Start a service and give its client."""

    def __call__(self, **settings: Any) -> Any: ...


@pytest.fixture
def worker(redis_url: str) -> Iterator[Worker]:
    with redis.Redis.from_url(redis_url) as client:
        yield Worker(client)


@pytest.fixture
def serve(redis_url: str, tmp_path: Path) -> Serve:
    """Give a context manager that runs a service with other settings."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        chosen = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path, **settings)
        async with running(build_app(chosen, Registry.of(demo_tasks.ALL))) as client:
            yield client

    return start


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Hold an application's lifespan, and give a client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as client,
    ):
        yield client


@pytest.fixture
def app(redis_url: str, tmp_path: Path) -> FastAPI:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
    return build_app(settings, Registry.of(demo_tasks.ALL))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def frozen_redis(client: httpx.AsyncClient, redis_server: EmbeddedRedis) -> AsyncIterator[None]:
    """Stop Redis in its tracks, with the service's connection open; it goes on afterwards."""
    await client.get("/v1/jobs")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


async def submit(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(ADD, json={"input": {"a": 1}}, headers=headers)


async def until(holds: Callable[[], bool]) -> None:
    """Return once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.01)


def waiting(worker: Worker, count: int) -> Callable[[], bool]:
    """Claim, when asked, that so many jobs wait."""
    return lambda: worker.redis.zcard("jl:wait:sums:public") == count


@pytest.fixture
def make_key(worker: Worker) -> MakeKey:
    """Make a key; gives the header that shows it."""

    def make(tenant: str = "acme", *scopes: Scope, life_ms: int | None = None) -> str:
        credential, token = make_token()
        allowed = frozenset(scopes or Scope)
        worker.run(
            commands.access.keep_access_key(
                credential, tenant=tenant, scopes=allowed, name="", life_ms=life_ms
            )
        )
        return f"Bearer {token}"

    return make


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": value}
