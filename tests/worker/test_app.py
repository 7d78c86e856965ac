from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from jobs.registry import Registry
from jobs.settings import Settings
from tests.worker import tasks_of_tests
from tests.worker.conftest import REGISTRY
from worker.app import build_celery


def test_apps_of_one_process_have_tasks_of_their_own(tmp_path: Path) -> None:
    settings = Settings(redis_url=SecretStr("redis://127.0.0.1:1"), data_dir=tmp_path)
    some = build_celery(Registry.of([tasks_of_tests.well]), settings)
    more = build_celery(REGISTRY, settings)
    some.finalize()
    assert "end.well" in some.tasks
    assert set(REGISTRY.tasks) <= set(more.tasks)
    assert not (set(REGISTRY.tasks) - {"end.well"}) & set(some.tasks)
