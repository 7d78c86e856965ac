"""A live service with access keys, and one generated client for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.processes import ROOT
from tests.support.sdk import Live, Service, make_client


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    service = Service(tmp_path_factory.mktemp("sdk"))
    try:
        service.redis.start()
        worker = service.start_jobline_worker()
        service.start_api(service.port)
        service.wait_ready(worker)
        photo = service.directory / "photo.jpg"
        Image.effect_noise((640, 480), 50).convert("RGB").save(photo)
        url = f"http://127.0.0.1:{service.port}"
        keys = {
            "JOBLINE_API_KEY": service.make_key(),
            "JOBLINE_ADMIN_KEY": service.make_key("--scope", "admin"),
        }
        yield Live({"JOBLINE_URL": url, **keys}, photo)
    finally:
        service.close()


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Path:
    """Return the folder of the client that the test is parametrized with; skip when its tools are missing."""
    name: str = request.param
    if why := make_client(name):
        pytest.skip(why)
    return ROOT / "build/sdk" / name
