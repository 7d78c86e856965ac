from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import jobline
from jobline.cli.commands.openapi import compare
from tests.support.cli import Call
from tests.support.processes import environment


def test_help_loads_no_web_framework_and_no_celery() -> None:
    script = (
        "import sys; sys.argv = ['jobline', '--help']\n"
        "from jobline.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True
    )
    loaded = answer.stdout.splitlines()[-1]
    assert "typer" in loaded
    assert not [
        name
        for name in ("fastapi", "celery", "kombu", "uvicorn", "jobline.worker", "redis")
        if f"'{name}'" in loaded
    ]


@pytest.mark.parametrize("words", [("-h",), ("dev", "-h"), ("submit", "-h"), ("keys", "create", "-h")])
def test_short_help_is_the_help(
    words: tuple[str, ...], call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words) == 0
    assert "Usage: jobline" in capsys.readouterr().out


def test_version_is_printed(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out == f"jobline {jobline.__version__}\n"


def test_golden_file_that_agrees_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "openapi.json").write_text('{\n  "a": "ä"\n}\n')
    assert compare(tmp_path / "openapi.json", '{\n  "a": "ä"\n}\n') == 0
    assert capsys.readouterr().out == ""


def test_golden_file_that_differs_is_shown_and_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "openapi.json").write_text('{\n  "a": 1\n}\n')
    assert compare(tmp_path / "openapi.json", '{\n  "a": 2\n}\n') == 1
    out, err = capsys.readouterr()
    assert '-  "a": 1\n+  "a": 2\n' in out
    assert "jobline openapi --write" in err


def test_written_description_passes_its_own_check(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = tmp_path / "docs" / "openapi.json"
    assert call("openapi", "--write", "--path", str(golden)) == 0
    assert json.loads(golden.read_text())["openapi"].startswith("3.")
    assert call("openapi", "--check", "--path", str(golden)) == 0
    assert capsys.readouterr().out == ""
