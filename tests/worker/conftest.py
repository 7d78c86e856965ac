"""The worker's parts without Celery's machinery: attempts run here, the ledger is a fake or a real Redis."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr

from jobline.domain.settings import Settings
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.worker.resources import Resources
from tests.support.worker import REGISTRY, FakeRecorder


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


@pytest.fixture
def resources(recorder: FakeRecorder, tmp_path: Path) -> Resources:
    settings = Settings(data_dir=tmp_path, max_result_bytes=1024)
    return Resources(REGISTRY, settings, Connector.of(settings), cast("Recorder", recorder))


@pytest.fixture
def live_settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
