from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jobline.domain.registry import Registry
from jobline.startup import find_unknown, read_env_file, start, warn_of_misspelt_variables
from jobline.tasks.image.limits import read_limits

TASKS = """
from jobline import FamilySettings, Model, task
class Limits(FamilySettings, env_prefix="JOBLINE_SHOP_"):
    max_items: int = 3
class Nothing(Model): ...
@task("shop.count")
def count(order: Nothing) -> Nothing:
    return order
limits = Limits.read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a user's family; sys.path and sys.modules are restored."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    monkeypatch.setenv("JOBLINE_TASKS", "shop")
    (tmp_path / "shop.py").write_text(TASKS)
    return tmp_path


def test_environment_wins_over_the_file(folder: Path) -> None:
    (folder / ".env").write_text("A=file\nB='two words' # why\nexport C=3\nD\n")
    environment = {"A": "own"}
    assert read_env_file(environment) == {"B", "C"}
    assert environment == {"A": "own", "B": "two words", "C": "3"}


def test_folder_without_a_file_changes_nothing(folder: Path) -> None:
    environment: dict[str, str] = {}
    assert read_env_file(environment) == frozenset()
    assert environment == {}


def test_unknown_variable_is_warned_of_with_the_nearest_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBLINE_LEASE", "3")
    monkeypatch.setenv("JOBLINE_SHOP_MAX_ITEM", "3")
    monkeypatch.setenv("JOBLINE_SHOP_MAX_ITEMS", "3")
    monkeypatch.setenv("JOBLINE_123456789", "3")
    start()
    assert capsys.readouterr().err.splitlines() == [
        "jobline: warning: JOBLINE_123456789 is no setting; `jobline settings` lists them",
        "jobline: warning: JOBLINE_LEASE is no setting; did you mean JOBLINE_LEASE_S?",
        "jobline: warning: JOBLINE_SHOP_MAX_ITEM is no setting; did you mean JOBLINE_SHOP_MAX_ITEMS?",
    ]


def test_child_of_a_supervisor_does_not_warn_once_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBLINE_LEASE", "3")
    monkeypatch.setenv("JOBLINE_SUPERVISOR_TOKEN", "x")
    start()
    assert capsys.readouterr().err == ""


def test_program_without_tasks_warns_of_misspelt_names_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBLINE_ULR", "http://127.0.0.1")
    monkeypatch.setenv("JOBLINE_SHOP_MAX_ITEMS", "3")
    warn_of_misspelt_variables()
    assert "JOBLINE_ULR is no setting; did you mean JOBLINE_URL?" in capsys.readouterr().err


def test_variables_of_others_are_none_of_its_business() -> None:
    assert list(find_unknown(["LEASE_S", "CELERY_X"], [])) == []


def test_settings_of_a_users_family_are_found_and_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, registry = start()
    assert [model.__name__ for model in registry.settings] == ["Limits"]
    monkeypatch.delitem(sys.modules, "shop")
    monkeypatch.setenv("JOBLINE_SHOP_MAX_ITEMS", "many")
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("jobline: JOBLINE_SHOP_MAX_ITEMS: Input should be a valid integer")
    assert err.count("\n") == 1


def test_settings_of_the_image_family_are_found() -> None:
    assert type(read_limits()) in Registry.load(["jobline.tasks"]).settings
