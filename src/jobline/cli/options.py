"""Options that several commands share, and how an answer is shown. No command and no request is made here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

DEFAULT_URL = "http://127.0.0.1:8000"

Url = Annotated[str, typer.Option("--url", envvar="JOBLINE_URL", help="Where the API is.", metavar="URL")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]


def print_json(value: object) -> None:
    """Write JSON for people and programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; on a terminal it folds into its width, in a pipe each row is one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if sys.stdout.isatty() else Console(width=1000)
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)


def report(message: str) -> None:
    """Write one line to whoever sits at the terminal, aside from the output."""
    sys.stderr.write(f"{message}\n")
