"""The evidence: what jobs wrote themselves, outside Redis, as they started and ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """Hold one line of the evidence."""

    job: str
    attempt: int
    #: Monotonic seconds, one clock for all processes of the machine.
    at: float
    pid: int


class Evidence:
    """Read on in the file to which all tasks append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._read_bytes = 0
        self._notes: dict[str, dict[str, list[Note]]] = {"start": defaultdict(list), "end": defaultdict(list)}

    def notes(self, word: str) -> dict[str, list[Note]]:
        """Give all of one word, ``start`` or ``end``, by job."""
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            whole = file.read().rpartition(b"\n")[0]
        self._read_bytes += len(whole) + bool(whole)
        for line in whole.decode().splitlines():
            kind, job, attempt, at, pid = line.split()
            self._notes[kind][job].append(Note(job, int(attempt), float(at), int(pid)))
        return self._notes[word]

    def starts(self, job: str) -> list[Note]:
        """Give the starts of one job."""
        return self.notes("start").get(job, [])

    def ends(self, job: str) -> list[Note]:
        """Give the ends of one job."""
        return self.notes("end").get(job, [])
