"""luacheck reads the Lua files, and the scripts as Redis gets them. `make check` runs it too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import Script, scripts_of, verbs

ROOT = Path(__file__).parents[2]
SCRIPTS = scripts_of(DEFAULT_LAYOUT)
#: Keys in place of calls make lines longer.
LINKED = "--no-max-line-length"
LUACHECK = shutil.which("luacheck")
needs_luacheck = pytest.mark.skipif(LUACHECK is None, reason="not installed: apt-get install lua-check")


def check(path: Path, *options: str) -> str:
    command = [str(LUACHECK), "--no-color", "--config", str(ROOT / ".luacheckrc"), *options, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@needs_luacheck
def test_files_pass_the_linter() -> None:
    report = check(ROOT / "src/jobline/ledger/lua")
    assert " 0 warnings / 0 errors" in report, report


@needs_luacheck
def test_linked_scripts_pass_the_linter(tmp_path: Path) -> None:
    """Here a name that no file defines is seen, and a definition that nothing uses."""
    for name in verbs():
        (tmp_path / f"{name}.lua").write_text(SCRIPTS[Script(name)].text)
    report = check(tmp_path, LINKED)
    assert " 0 warnings / 0 errors" in report, report


@needs_luacheck
@pytest.mark.parametrize("defect", ["local unused = 1", "redis.call('GET', nowhere)", "whole = 1"])
def test_linter_sees_a_defect_in_a_linked_script(tmp_path: Path, defect: str) -> None:
    (tmp_path / "claim.lua").write_text(f"{defect}\n{SCRIPTS[Script('claim')].text}")
    assert " 1 warning / 0 errors" in check(tmp_path, LINKED)
