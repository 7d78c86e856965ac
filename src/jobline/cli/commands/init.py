"""`jobline init`: a folder with one task, its test, and what it takes to run both. Overwrites nothing."""

from __future__ import annotations

import shlex
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from jobline import __version__
from jobline.domain.errors import JoblineError

#: The files of a new project, and the texts beside this module that they are made from.
FILES = {
    "tasks.py": "tasks.py.txt",
    "test_tasks.py": "test_tasks.py.txt",
    "compose.yaml": "compose.yaml.txt",
    ".env": "env.txt",
    "README.md": "README.md.txt",
}


class FilesExist(JoblineError):
    """Files of these names are there already; nothing was written."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where to write. Default: this folder.")
    ] = Path(),
) -> None:
    """Write a new project: a typed task, its test, compose.yaml, .env and a README."""
    existing = [name for name in FILES if (folder / name).exists()]
    if existing:
        raise FilesExist(
            f"{folder}/ has {', '.join(existing)} already: choose another folder; nothing was written"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in project_files().items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{folder / name}\n")
    enter = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    sys.stdout.write(f"\nRun it:   {enter}jobline dev --reload\nTest it:  {enter}pytest\n")


def project_files() -> dict[str, str]:
    """Return the text of each file of a new project."""
    templates = files("jobline.cli.commands") / "project"
    return {
        name: (templates / text).read_text(encoding="utf-8").replace("{version}", __version__)
        for name, text in FILES.items()
    }
