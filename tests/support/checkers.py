"""The type checkers of users, run on a folder of theirs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Seen(NamedTuple):
    """What a checker said: the lines with an error, and the revealed types in order."""

    errors: list[str]
    revealed: list[str]

    def lines(self, path: str) -> set[int]:
        """Return the numbers of the lines of one file that have an error."""
        return {int(error.split(":")[1]) for error in self.errors if error.startswith(f"{path}:")}


Checker = Callable[[Path], Seen]


def run_mypy(folder: Path) -> Seen:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context"]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache/outside")]
    done = subprocess.run([*command, *cache, "."], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    return Seen(errors, re.findall(r'note: Revealed type is "(.*)"', done.stdout))


def run_pyright(folder: Path) -> Seen:
    # Strict, but for what libraries leave unknown in their own types: Pillow, pillow-heif.
    rules = {"reportUnknownMemberType": False, "reportUnknownVariableType": False}
    (folder / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", **rules}))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in found
        if one["severity"] == "error"
    ]
    return Seen(errors, re.findall(r'Type of "\w+" is "(.*)"', "\n".join(one["message"] for one in found)))


CHECKERS = [
    pytest.param(run_mypy, id="mypy"),
    pytest.param(
        run_pyright,
        id="pyright",
        marks=pytest.mark.skipif(find_spec("basedpyright") is None, reason="not installed: run `make setup`"),
    ),
]
