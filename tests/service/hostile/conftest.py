"""One API on an embedded Redis for all hostile clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.hostile.target import Target
from tests.support.deployment import Deployment


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    made = Deployment(tmp_path_factory.mktemp("hostile"), JOBLINE_RATE_LIMIT="1000000/60")
    try:
        made.redis.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def target(attacked: Deployment) -> Target:
    found = Target(attacked, attacked.start_api())
    found.probe()
    return found
