from __future__ import annotations

from pathlib import Path

import pytest

from jobline.cli.commands.dev import Choice, choose_tasks


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JOBLINE_TASKS", raising=False)
    return tmp_path


def test_families_that_come_along_are_the_last_choice() -> None:
    assert choose_tasks(None) == Choice("jobline.tasks", "the families that come with Jobline")


def test_tasks_of_the_folder_come_before_them(folder: Path) -> None:
    (folder / "tasks.py").touch()
    assert choose_tasks(None) == Choice("tasks", "tasks.py")


def test_package_of_tasks_is_found(folder: Path) -> None:
    (folder / "tasks").mkdir()
    (folder / "tasks/__init__.py").touch()
    assert choose_tasks(None) == Choice("tasks", "tasks/")


def test_variable_comes_before_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tasks.py").touch()
    monkeypatch.setenv("JOBLINE_TASKS", "shop")
    assert choose_tasks(None) == Choice("shop", "JOBLINE_TASKS")
    assert choose_tasks(None, frozenset({"JOBLINE_TASKS"})) == Choice("shop", "JOBLINE_TASKS in .env")


def test_option_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "tasks.py").touch()
    monkeypatch.setenv("JOBLINE_TASKS", "shop")
    assert choose_tasks("a,b") == Choice("a,b", "--tasks")
