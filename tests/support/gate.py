"""A file that a waiting task watches for: with it, a test keeps a job running as long as it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.deployment import Json
from tests.support.waiting import DEADLINE_S, wait_until


@dataclass(frozen=True)
class Gate:
    """The path that a task waits for; the task records each of its starts beside it."""

    path: Path

    @property
    def order(self) -> Json:
        """The input of a task that waits at this gate."""
        return {"path": str(self.path)}

    def starts(self) -> list[str]:
        """Return the starts so far, as ``<attempt> <pid>``."""
        notes = self.path.with_suffix(".starts")
        return notes.read_text().splitlines() if notes.exists() else []

    def wait_for_start(self, count: int = 1, within_s: float = DEADLINE_S) -> None:
        """Wait until the task has started ``count`` times."""
        wait_until(lambda: len(self.starts()) >= count, within_s, f"start {count} at {self.path.name}")

    def open(self) -> None:
        """Let the waiting tasks finish."""
        self.path.touch()
