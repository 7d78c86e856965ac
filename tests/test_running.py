from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jobline.running import NOTE, announce, find_running, join_running

VARIABLES = {"JOBLINE_REDIS_URL": "redis://127.0.0.1:6380/0", "JOBLINE_AUTH": "keys"}


def test_command_in_the_folder_finds_what_runs_there(tmp_path: Path) -> None:
    """`jobline keys create` writes into the Redis of the service, not into a foreign one on 6379."""
    environment = {"JOBLINE_DATA_DIR": str(tmp_path)}
    with announce(tmp_path, VARIABLES):
        assert find_running(environment) == VARIABLES
        assert stat.S_IMODE((tmp_path / NOTE).stat().st_mode) == 0o600
    assert find_running(environment) == {}


def test_other_redis_that_is_named_is_meant(tmp_path: Path) -> None:
    with announce(tmp_path, VARIABLES):
        named = {"JOBLINE_DATA_DIR": str(tmp_path), "JOBLINE_REDIS_URL": "redis://elsewhere:6379/0"}
        assert find_running(named) == {}
        assert find_running({**named, "JOBLINE_REDIS_URL": VARIABLES["JOBLINE_REDIS_URL"]}) == VARIABLES


def test_note_of_a_killed_service_is_not_read(tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text('{"JOBLINE_AUTH": "keys"}')
    assert find_running({"JOBLINE_DATA_DIR": str(tmp_path)}) == {}


def test_environment_wins_over_the_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*VARIABLES, "JOBLINE_DATA_DIR"):
        monkeypatch.setenv(name, "")  # restored at the end
        monkeypatch.delenv(name)
    monkeypatch.setenv("JOBLINE_AUTH", "off")
    (tmp_path / "data").mkdir()
    with announce(tmp_path / "data", VARIABLES):
        join_running()
    assert os.environ["JOBLINE_AUTH"] == "off"
    assert os.environ["JOBLINE_REDIS_URL"] == VARIABLES["JOBLINE_REDIS_URL"]
