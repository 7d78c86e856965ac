"""A service with test tasks on a real Redis, and a fake worker that uses the same commands."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from fastapi import FastAPI
from pydantic import SecretStr

from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.access import Scope, make_token
from jobline.domain.registry import Registry
from jobline.domain.settings import Auth, Settings
from jobline.ledger import commands
from jobline.service.app import build_app
from tests.support.service import MakeKey, Serve, Worker, bearer, running
from tests.support.tasks import simple
from tests.support.tenants import TwoTenants, make_things


@pytest.fixture
def worker(redis_url: str) -> Iterator[Worker]:
    with redis.Redis.from_url(redis_url) as client:
        yield Worker(client)


@pytest.fixture
def serve(redis_url: str, tmp_path: Path) -> Serve:
    """Return a context manager that runs a service with other settings."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        options: dict[str, Any] = {"queues": ("other",), **settings}
        chosen = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path, **options)
        async with running(build_app(chosen, Registry.of(simple.ALL))) as client:
            yield client

    return start


@pytest.fixture
def app(redis_url: str, tmp_path: Path) -> FastAPI:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path, queues=("other",))
    return build_app(settings, Registry.of(simple.ALL))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def frozen_redis(client: httpx.AsyncClient, redis_server: EmbeddedRedis) -> AsyncIterator[None]:
    """Freeze Redis while the service's connection is open; it continues after the test."""
    await client.get("/v1/jobs")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


@pytest.fixture
def make_key(worker: Worker) -> MakeKey:
    """Return a function that creates a key and returns the header with it."""

    def make(tenant: str = "acme", *scopes: Scope, life_ms: int | None = None) -> str:
        credential, token = make_token()
        allowed = frozenset(scopes or Scope)
        worker.run(
            commands.access.add_access_key(credential, tenant=tenant, scopes=allowed, name="", ttl_ms=life_ms)
        )
        return f"Bearer {token}"

    return make


@pytest.fixture
async def tenants(
    redis_url: str, tmp_path: Any, worker: Worker, make_key: MakeKey
) -> AsyncIterator[TwoTenants]:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path, auth=Auth.KEYS)
    app = build_app(settings, Registry.of(simple.ALL))
    async with running(app) as client:
        tenants = TwoTenants(app, client, bearer(make_key("acme")), bearer(make_key("umbrella")), {})
        tenants.ids = await make_things(tenants, worker)
        yield tenants
