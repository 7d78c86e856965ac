"""A service of outside tasks on a real Redis, and a stand-in for the worker that speaks the same commands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import httpx
import redis
from fastapi import FastAPI

from jobline.domain.record import Failure
from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT, Key
from jobline.ledger.scripts import scripts_of

T = TypeVar("T")
RETENTION = Retention(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
ADD = "/v1/tasks/demo.add/jobs"
DRAW = "/v1/tasks/demo.draw/jobs"
ORDER = {"input": {"a": 1}}
MakeKey = Callable[..., str]


class Worker:
    """A worker without Celery: it moves jobs by commands, synchronously."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client

    def run(self, command: Command[T]) -> T:
        return command.read(
            self.redis.eval(scripts_of(DEFAULT_LAYOUT)[command.script].text, 0, *command.args)
        )

    def beat(self, **about: Any) -> None:
        self.run(
            commands.clock.tick(
                "w1", json.dumps({"capacity": 2, **about}), lease_ms=30_000, retention=RETENTION
            )
        )

    def claim(self, queue: str = "sums") -> Claimed:
        (claimed,) = self.run(
            commands.attempts.claim("w1", [queue], slots=1, lease_ms=30_000, retention=RETENTION)
        )
        return claimed

    def succeed(self, job: Claimed, result: dict[str, Any], **more: Any) -> None:
        artifacts = more.get("artifacts", ())
        self.run(commands.attempts.succeed(job.id, job.fence, json.dumps(result), artifacts, RETENTION))

    def fail(self, job: Claimed, code: str = "demo.broken", traceback: str | None = None) -> None:
        failure = Failure(code, "It broke.", retryable=False, attempt=job.attempt, traceback=traceback)
        self.run(commands.attempts.fail(job.id, job.fence, failure, RETENTION))

    def make_due(self, queue: str) -> None:
        """Make the scheduled jobs of a queue due."""
        due = Key.DUE.of(queue)
        ids: Any = self.redis.zrange(due, 0, -1)
        self.redis.zadd(due, dict.fromkeys(ids, 1))
        self.beat()

    def forget(self, job_id: str) -> None:
        """Let a finished job expire."""
        self.redis.zadd(Key.FINISHED.of(), {job_id: 1})
        self.beat()


class Serve(Protocol):
    """Start a service and return its client."""

    def __call__(self, **settings: Any) -> Any: ...


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run an application's lifespan and yield a client of it."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as client,
    ):
        yield client


async def submit(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(ADD, json={"input": {"a": 1}}, headers=headers)


def waiting(worker: Worker, count: int) -> Callable[[], bool]:
    """Return a condition: ``count`` jobs wait."""
    return lambda: worker.redis.zcard(Key.WAITING.of("sums", "public")) == count


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": value}
