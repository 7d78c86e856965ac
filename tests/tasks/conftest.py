from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobline import JobContext
from jobline.files import Workspace
from tests.support.attempt import FakePort


@pytest.fixture
def port(tmp_path: Path) -> Any:
    with Workspace(tmp_path, "job", 1) as space:
        yield FakePort(tmp_path, space)


@pytest.fixture
def job(port: FakePort) -> JobContext:
    return JobContext("job", 1, 3, port)
