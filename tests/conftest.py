"""Fixtures for every test: a real Redis, empty at the start of each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis

from jobline.cli.embedded import EmbeddedRedis
from tests.support.ledger import Ledger


def pytest_configure() -> None:
    """Forget that `make test` runs the tests: under make, the command line names make's own words."""
    os.environ.pop("MAKELEVEL", None)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """Run one Redis for the whole session, on a free port and in a directory of its own."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """Return the URL of a running, empty Redis."""
    redis_server.start()
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    made = Ledger(redis_url)
    yield made
    made.close()
