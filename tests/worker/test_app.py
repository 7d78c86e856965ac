from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.ledger.connect import Connector
from jobline.worker.app import build_celery
from tests.support.tasks import endings
from tests.support.worker import REGISTRY


def test_apps_of_one_process_have_tasks_of_their_own(tmp_path: Path) -> None:
    settings = Settings(redis_url=SecretStr("redis://127.0.0.1:1"), data_dir=tmp_path)
    some = build_celery(Registry.of([endings.well]), settings)
    more = build_celery(REGISTRY, settings)
    some.finalize()
    assert "end.well" in some.tasks
    assert set(REGISTRY.tasks) <= set(more.tasks)
    assert not (set(REGISTRY.tasks) - {"end.well"}) & set(some.tasks)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://host:1/2", "redis://host:1/2"),
        ("rediss://:secret@host/0", "rediss://:secret@host:6379/0"),
        ("unix:///run/redis.sock", "jobline+socket:///run/redis.sock?virtual_host=0"),
        ("unix:///run/redis.sock?db=3", "jobline+socket:///run/redis.sock?virtual_host=3"),
        ("unix://me:secret@/run/r.sock", "jobline+socket://me:secret@/run/r.sock?virtual_host=0"),
        ("unix:///run/r.sock?password=secret", "jobline+socket://:secret@/run/r.sock?virtual_host=0"),
    ],
)
def test_ledgers_address_is_written_for_kombu(url: str, expected: str) -> None:
    assert Connector(url).broker_url == expected
