"""The tables of `make faults`: what each fault did to Jobline and to stock Celery, in figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Row:
    """The figures of one fault."""

    number: str
    fault: str
    jobs: int = 0
    lost: int = 0
    extra_starts: int = 0
    recovered_s: list[float] = field(default_factory=list)
    note: str = ""
    has_failed: bool = False
    #: Whether the row is of stock Celery.
    is_stock: bool = False

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row."""
        worst = f"{max(self.recovered_s):.1f}" if self.recovered_s else "-"
        return (
            self.number,
            self.fault,
            str(self.jobs),
            str(self.lost),
            str(self.extra_starts),
            worst,
            f"FAILED {self.note}".strip() if self.has_failed else self.note,
        )


class NewRow(Protocol):
    """Add a row to the table."""

    def __call__(self, number: str, fault: str, *, is_stock: bool = False) -> Row: ...


HEAD = ("#", "fault", "jobs", "lost", "extra starts", "recovered in s", "note")


def write_table(rows: list[Row]) -> str:
    """Return the rows as Markdown, ordered by number."""
    lines = [HEAD, *(row.cells() for row in sorted(rows, key=lambda one: rank(one.number)))]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEAD))]
    written = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
               for line in lines]  # fmt: skip
    written.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(written)


def rank(number: str) -> list[int | str]:
    """Return a sort key: 2a before 2b before 10, and 5 s before 15 s."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", number)]
