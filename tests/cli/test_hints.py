from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jobline.cli.hints import port_words, program_words


def test_hint_is_the_bare_name_where_it_is_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert program_words() == "jobline"


def test_hint_is_a_path_that_runs_where_the_name_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After `make run` nobody has activated .venv, and a hint is copied as it stands."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(program_words()).samefile(Path(sys.executable).with_name("jobline"))


def test_port_is_chosen_as_the_caller_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run` has no --port; PORT= is what make takes."""
    monkeypatch.delenv("MAKELEVEL", raising=False)
    assert port_words() == "--port"
    monkeypatch.setenv("MAKELEVEL", "1")
    assert "PORT=" in port_words()
