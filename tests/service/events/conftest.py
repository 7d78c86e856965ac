"""An API on a real port, and a function that builds another application like it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.service.app import build_app
from tests.support.streaming import Api, serving
from tests.support.tasks import simple


@pytest.fixture
def make(redis_url: str, tmp_path: Path) -> Callable[[], FastAPI]:
    settings = Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
    return lambda: build_app(settings, Registry.of(simple.ALL))


@pytest.fixture
async def api(make: Callable[[], FastAPI]) -> AsyncIterator[Api]:
    async with serving(make) as api:
        yield api
