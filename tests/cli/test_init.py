from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobline import __version__
from jobline.cli.commands.init import FILES
from tests.support.cli import Call
from tests.support.processes import environment

ROOT = Path(__file__).parents[2]


def test_new_project_passes_its_own_tests_and_types(call: Call, tmp_path: Path) -> None:
    assert call("init", "shop") == 0
    assert {path.name for path in (tmp_path / "shop").iterdir()} == set(FILES)
    for command in (
        ["pytest", "-q", "-p", "no:cacheprovider"],
        ["mypy", "--strict", "tasks.py", "test_tasks.py"],
    ):
        answer = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path / "shop",
            env={**environment(), "MYPYPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_compose_file_of_a_new_project_fits_the_specification(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    assert call("init") == 0
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(tmp_path / "compose.yaml")]
    subprocess.run([sys.executable, "-m", *command], check=True)
    text = (tmp_path / "compose.yaml").read_text()
    assert f'"jobline=={__version__}"' in text
    assert "JOBLINE_TASKS: tasks" in text


def test_file_that_is_there_is_not_overwritten_and_nothing_else_is_written(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tasks.py").write_text("mine")
    assert call("init") == 1
    assert "has tasks.py already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["tasks.py"]
    assert (tmp_path / "tasks.py").read_text() == "mine"


def test_next_step_is_told(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("init", "my shop") == 0
    assert "cd 'my shop' && jobline dev --reload" in capsys.readouterr().out
