"""A file that a held task waits for: how a test keeps a job running for just as long as it needs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.deployment import Json
from tests.support.waiting import DEADLINE_S, wait_until


@dataclass(frozen=True)
class Gate:
    """Hold the path that a held task waits for; beside it the task notes each of its starts."""

    path: Path

    @property
    def order(self) -> Json:
        """Give the input of a task that shall wait here."""
        return {"path": str(self.path)}

    def starts(self) -> list[str]:
        """List the starts so far, as ``<attempt> <pid>``."""
        notes = self.path.with_suffix(".starts")
        return notes.read_text().splitlines() if notes.exists() else []

    def wait_for_start(self, count: int = 1, within_s: float = DEADLINE_S) -> None:
        """Return when a task has begun so often."""
        wait_until(lambda: len(self.starts()) >= count, within_s, f"start {count} at {self.path.name}")

    def open(self) -> None:
        """Let every task pass."""
        self.path.touch()
