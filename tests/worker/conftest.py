"""The worker's parts without Celery's machinery: attempts run here, the ledger is a fake or a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from jobline import Task
from jobline.domain.errors import LedgerUnavailable
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.ledger.commands.attempts import Noted, Renewed
from jobline.ledger.commands.command import Command
from jobline.ledger.recorder import Recorder
from jobline.worker.wiring import Wiring
from tests.ledger.conftest import Ledger
from tests.worker import tasks_of_tests

REGISTRY = Registry.of(one for one in vars(tasks_of_tests).values() if isinstance(one, Task))


class FakeRecorder:
    """Keep what an attempt tells."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, Any]] = []
        self.cancelled: list[str] = []
        self.lost: list[str] = []
        self.is_down = False

    def run(self, command: Command[Any]) -> Any:
        if self.is_down:
            raise LedgerUnavailable("down")
        if command.script.name == "report":
            _, _, kind, content = command.args
            self.reports.append((str(kind), json.loads(str(content))))
            return Noted(is_current=not self.lost, cancel_requested=bool(self.cancelled))
        assert command.script.name == "renew"
        return Renewed(self.lost, self.cancelled, 1)


@pytest.fixture
def recorder() -> FakeRecorder:
    return FakeRecorder()


@pytest.fixture
def wiring(recorder: FakeRecorder, tmp_path: Path) -> Wiring:
    settings = Settings(data_dir=tmp_path, max_result_bytes=1024)
    return Wiring(REGISTRY, settings, cast("Recorder", recorder))


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    made = Ledger(redis_url)
    yield made
    made.redis.close()


@pytest.fixture
def live_settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=SecretStr(redis_url), data_dir=tmp_path)
