"""The evidence: what the jobs themselves recorded, outside Redis, at their starts and ends."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """One line of the evidence."""

    job: str
    attempt: int
    #: Monotonic seconds: the same clock for all processes of the machine.
    at: float
    pid: int


class Evidence:
    """The file to which all tasks append, read incrementally."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._read_bytes = 0
        self._notes: dict[str, dict[str, list[Note]]] = {"start": defaultdict(list), "end": defaultdict(list)}

    def notes(self, word: str) -> dict[str, list[Note]]:
        """Return all notes of one kind, ``start`` or ``end``, by job."""
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            whole = file.read().rpartition(b"\n")[0]
        self._read_bytes += len(whole) + bool(whole)
        for line in whole.decode().splitlines():
            kind, job, attempt, at, pid = line.split()
            self._notes[kind][job].append(Note(job, int(attempt), float(at), int(pid)))
        return self._notes[word]

    def starts(self, job: str) -> list[Note]:
        """Return the starts of one job."""
        return self.notes("start").get(job, [])

    def ends(self, job: str) -> list[Note]:
        """Return the ends of one job."""
        return self.notes("end").get(job, [])
