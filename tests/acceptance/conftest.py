"""One deployment for all acceptance tests: Redis, API and a prefork worker, started once."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.worker.app import build_celery
from tests.support.deployment import QUEUES, TASKS, Deployment
from tests.support.gate import Gate

LOG_LINES = 60


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        made.redis.start()
        worker = made.start_worker(slots=3)
        made.start_api()
        made.wait_ready(worker)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def app(deployment: Deployment) -> Any:
    """Return the Celery app of a stock client; this process runs no job."""
    settings = Settings(
        redis_url=SecretStr(deployment.redis.url), data_dir=deployment.directory / "data", queues=QUEUES
    )
    return build_celery(Registry.load(TASKS), settings)


@pytest.fixture
def gate(deployment: Deployment, request: pytest.FixtureRequest) -> Iterator[Gate]:
    made = Gate(deployment.directory / f"gate-{abs(hash(request.node.nodeid))}")
    yield made
    made.open()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of every process beside a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for deployment in item.funcargs.values():
            for program in deployment.programs if isinstance(deployment, Deployment) else ():
                lines = program.output().splitlines()[-LOG_LINES:]
                report.sections.append((program.log.name, "\n".join(lines)))
    return report
