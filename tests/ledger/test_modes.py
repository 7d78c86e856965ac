"""Redis in a state in which Jobline cannot work: every program says why, and none seems healthy."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from pydantic import SecretStr

from jobline.cli.embedded import EmbeddedRedis, find_server, free_port
from jobline.domain.errors import LedgerMode
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.ledger import commands
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.ledger.store import Store
from jobline.service.app import build_app
from tests.support.service import Worker, running
from tests.support.tasks import simple
from tests.support.waiting import wait_until


@contextmanager
def server(directory: Path, *options: str) -> Iterator[str]:
    """Run a Redis with these options and yield its URL."""
    port = free_port()
    command = [str(find_server()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"

    def answers() -> bool:
        with redis.Redis.from_url(url) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    try:
        wait_until(answers, 10, "the server answers")
        yield url
    finally:
        process.kill()
        process.wait()


async def ready(url: str, data_dir: Path) -> httpx.Response:
    settings = Settings(redis_url=SecretStr(url), data_dir=data_dir)
    async with running(build_app(settings, Registry.of(simple.ALL))) as client:
        return await client.get("/health/ready")


async def test_cluster_mode_is_refused_by_every_client(tmp_path: Path) -> None:
    """The API served from one node while the worker died of the first key of another."""
    with server(tmp_path, "--cluster-enabled", "yes") as url:
        connector = Connector(url)
        store, recorder = Store(connector), Recorder(connector)
        with pytest.raises(LedgerMode, match="cluster mode"):
            await store.run(commands.clock.workers())
        with pytest.raises(LedgerMode, match="cluster mode"):
            recorder.check_version()
        answer = await ready(url, tmp_path)
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger-mode")
        await store.close()
        recorder.close()


async def test_readiness_names_a_full_redis(redis_url: str, tmp_path: Path) -> None:
    """A load balancer sent submits to a service that had to refuse each of them."""
    with redis.Redis.from_url(redis_url) as client:
        Worker(client).beat()
        assert (await ready(redis_url, tmp_path)).status_code == 200
        client.config_set("maxmemory", 1)
        try:
            answer = await ready(redis_url, tmp_path)
        finally:
            client.config_set("maxmemory", 0)
    assert answer.status_code == 503
    assert "Redis is full" in answer.json()["detail"]


async def test_readiness_names_a_read_only_replica(
    redis_server: EmbeddedRedis, redis_url: str, tmp_path: Path
) -> None:
    """After a failover the old address may lead to a replica, which reads and refuses every write."""
    with redis.Redis.from_url(redis_url) as client:
        Worker(client).beat()
        with server(tmp_path, "--replicaof", f"127.0.0.1 {redis_server.port}") as url:
            with redis.Redis.from_url(url) as replica:
                wait_until(lambda: replica.dbsize() == client.dbsize(), 10, "the replica has all keys")
            answer = await ready(url, tmp_path)
    assert answer.status_code == 503
    assert "read-only replica" in answer.json()["detail"]


async def test_readiness_needs_a_worker_that_can_claim(redis_url: str, tmp_path: Path) -> None:
    """A heartbeat alone says that a thread lives, not that a job would start."""
    with redis.Redis.from_url(redis_url) as client:
        Worker(client).beat(claims=False)
        answer = await ready(redis_url, tmp_path)
        assert answer.status_code == 503
        assert "can claim" in answer.json()["detail"]
        Worker(client).beat(claims=True)
        assert (await ready(redis_url, tmp_path)).status_code == 200
