"""`jobline openapi`: the description of the API, and the golden file that shows each change of it."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.options import report

GOLDEN = Path("docs/openapi.json")


def openapi(
    write: Annotated[bool, typer.Option("--write", help="Write the golden file.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Print how the golden file differs, and exit 1 if it does.")
    ] = False,
    path: Annotated[Path, typer.Option("--path", help="Path of the golden file.")] = GOLDEN,
) -> None:
    """Print the OpenAPI description, or write or check its golden file."""
    from jobline.service.main import app
    from jobline.service.openapi.document import render

    text = render(app)
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    elif check:
        sys.exit(compare(path, text))
    else:
        sys.stdout.write(text)


def compare(path: Path, text: str) -> int:
    """Print how the golden file differs; return the exit status."""
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    if golden == text:
        return 0
    lines = difflib.unified_diff(
        golden.splitlines(keepends=True), text.splitlines(keepends=True), str(path), "what the API says now"
    )
    sys.stdout.writelines(lines)
    report(f"jobline: {path} is not what the API says; if the change is meant: jobline openapi --write")
    return 1
