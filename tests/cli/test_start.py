"""What each program says of task modules that it cannot load: one line, and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobline.cli.embedded import free_port
from tests.support.processes import environment
from tests.support.waiting import DEADLINE_S

JOBLINE = (sys.executable, "-P", "-m", "jobline.cli")
PROGRAMS = {
    "dev": (*JOBLINE, "dev", "--port", str(free_port())),
    "api": (*JOBLINE, "api", "--port", str(free_port())),
    "worker": (*JOBLINE, "worker"),
    "several workers": (*JOBLINE, "worker", "--processes", "2"),
    "uvicorn": (
        sys.executable,
        "-P",
        "-m",
        "uvicorn",
        "jobline.service.main:app",
        "--port",
        str(free_port()),
    ),
    "celery": (sys.executable, "-P", "-m", "celery", "-A", "jobline.worker.main", "worker"),
}
MODULES = {
    "raises": (
        "import json\n\n1 / 0\n",
        "cannot load the task module 'raises': ZeroDivisionError: division by zero",
    ),
    "missing": (
        None,
        "cannot load the task module 'missing': ModuleNotFoundError: No module named 'missing'",
    ),
    "empty": ("x = 1\n", "there is no task in the module 'empty'"),
}


def run(program: str, module: str, directory: Path) -> subprocess.CompletedProcess[str]:
    settings = {"JOBLINE_TASKS": module, "JOBLINE_DATA_DIR": str(directory / "data")}
    return subprocess.run(
        PROGRAMS[program],
        cwd=directory,
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_module_that_fails_at_import_is_one_line_with_its_place(program: str, tmp_path: Path) -> None:
    content, reason = MODULES["raises"]
    (tmp_path / "raises.py").write_text(str(content))
    answer = run(program, "raises", tmp_path)
    assert answer.returncode == 2
    assert answer.stderr == f"jobline: {reason} ({tmp_path}/raises.py:3)\n"
    assert "Traceback" not in answer.stdout


@pytest.mark.parametrize("module", ["missing", "empty"])
def test_module_that_is_missing_or_has_no_task_is_one_line(module: str, tmp_path: Path) -> None:
    content, reason = MODULES[module]
    if content:
        (tmp_path / f"{module}.py").write_text(content)
    answer = run("api", module, tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"jobline: {reason}")
    assert answer.stderr.count("\n") == 1
