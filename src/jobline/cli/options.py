"""Options that several commands share, and ways to show an answer. Nothing here makes a request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from jobline.domain.client_settings import ClientSettings

DEFAULT_URL: str = ClientSettings.model_fields["url"].default

Url = Annotated[str, typer.Option("--url", envvar="JOBLINE_URL", help="Base URL of the API.", metavar="URL")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; on a terminal it is wrapped to its width, in a pipe each row is one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[write_cell(cell) for cell in row] for row in rows]
    console = Console() if sys.stdout.isatty() else Console(width=1000)
    if console.is_terminal:  # its width is too small for columns without a word
        used = [number for number in range(len(headings)) if not cells or any(row[number] for row in cells)]
        headings, cells = [headings[at] for at in used], [[row[at] for at in used] for row in cells]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=number == 0)  # the first is often copied: an id
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def write_cell(value: object) -> str:
    """Write a value of JSON for people: a text as it is, nothing for null, and the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def report(message: str) -> None:
    """Print one line to standard error, apart from the output."""
    sys.stderr.write(f"{message}\n")
