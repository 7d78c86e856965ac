from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobline.cli import main
from tests.support.cli import Call
from tests.support.fake_api import FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run the command line in this process, in a folder without anybody's ``.env``."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["jobline", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


@pytest.fixture
def jobline(api: FakeApi, call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a client command against the fake API."""
    monkeypatch.setenv("JOBLINE_URL", api.url)
    monkeypatch.delenv("JOBLINE_API_KEY", raising=False)
    return call
