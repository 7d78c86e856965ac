"""One house for all acceptance tests: Redis, API and a prefork worker, started once."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.worker.app import build_celery
from tests.acceptance.gate import Gate
from tests.acceptance.house import TASKS, House

LOG_LINES = 60


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    try:
        made.redis.start()
        worker = made.start_worker(slots=3)
        made.start_api()
        made.wait_ready(worker)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def app(house: House) -> Any:
    """Give the Celery app of a stock client: in this process, which runs no job."""
    settings = Settings(redis_url=SecretStr(house.redis.url), data_dir=house.directory / "data")
    return build_celery(Registry.load(TASKS), settings)


@pytest.fixture
def gate(house: House, request: pytest.FixtureRequest) -> Iterator[Gate]:
    made = Gate(house.directory / f"gate-{abs(hash(request.node.nodeid))}")
    yield made
    made.open()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of every process beside a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for house in item.funcargs.values():
            for program in house.programs if isinstance(house, House) else ():
                lines = program.told().splitlines()[-LOG_LINES:]
                report.sections.append((program.log.name, "\n".join(lines)))
    return report
