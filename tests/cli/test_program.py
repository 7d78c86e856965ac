from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobline.cli.openapi import compare
from jobline.cli.settings import env_example
from jobline.domain.settings import Settings
from tests.support.cli import Call
from tests.support.processes import environment

ROOT = Path(__file__).parents[2]


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


def test_env_example_is_what_the_settings_say() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), (
        "run: jobline settings --env-example > .env.example"
    )


def test_env_example_changes_nothing_as_it_stands_and_reads_as_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = env_example().splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    for name in list(os.environ):
        if name.startswith("JOBLINE_"):
            monkeypatch.delenv(name)
    defaults = Settings()
    values = [line[2:].partition("=") for line in lines if line.startswith("# JOBLINE_")]
    assert len(values) == len(Settings.model_fields)
    for name, _, value in values:
        monkeypatch.setenv(name, value)
    assert Settings() == defaults


def test_settings_lists_every_setting(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("settings") == 0
    out = capsys.readouterr().out
    assert all(f"JOBLINE_{name.upper()} " in out for name in Settings.model_fields)


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
