"""What a running task may ask of its job; the work behind it arrives as a port: no I/O enters here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, Protocol

from jobline.domain.errors import JobCancelled


class AttemptPort(Protocol):
    """Carry the context's wishes to the ledger and to the file store (the worker brings the real one)."""

    def report(self, progress: dict[str, Any]) -> None:
        """Store the newest progress and tell the watchers."""

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """Append one line to the job's events."""

    def is_cancelled(self) -> bool:
        """Claim that somebody asked for the job's end."""

    def fetch(self, file_id: str) -> Path:
        """Bring the bytes of an uploaded file, or of an artifact, to a local path.

        Raises TaskError ``file.not_found`` when it is gone.
        """

    def artifact_path(self, name: str) -> tuple[str, Path]:
        """Reserve the id of an artifact and the local path where the task writes it."""


class Artifact(os.PathLike[str]):
    """Take the bytes of one output: write to it as to a path; it is published when the attempt succeeds.

    The id follows from the job and the name, so a later attempt overwrites the same artifact.
    """

    __slots__ = ("_stream", "id", "name", "path")

    def __init__(self, id: str, name: str, path: Path) -> None:
        self.id = id
        self.name = name
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def open(self, mode: str = "wb", encoding: str | None = None) -> IO[Any]:
        """Open the local file for writing; bytes unless the mode says text."""
        return self.path.open(mode, encoding=encoding)

    def __enter__(self) -> IO[bytes]:
        self._stream = self.path.open("wb")
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write_bytes(self, data: bytes) -> int:
        """Write the whole content at once."""
        return self.path.write_bytes(data)

    def write_text(self, text: str, encoding: str = "utf-8") -> int:
        """Write the whole content at once, as text."""
        return self.path.write_text(text, encoding=encoding)


class JobContext:
    """Let a running task tell its progress, log, see a cancel, read files and make artifacts."""

    __slots__ = ("_observed_cancel", "_port", "attempt", "id", "max_attempts")

    def __init__(self, id: str, attempt: int, max_attempts: int, port: AttemptPort) -> None:
        self.id = id
        #: Counted from 1; a planned stop of the worker does not count.
        self.attempt = attempt
        self.max_attempts = max_attempts
        self._port = port
        self._observed_cancel = False

    def progress(self, done: float, total: float | None = None, *, unit: str = "", message: str = "") -> None:
        """Tell how far the work is; watchers see it live, at most ten times a second.

        A place where a cancelled job stops: raises JobCancelled, unless the task has itself looked at
        ``cancelled`` and is on its way out.
        """
        if not self._observed_cancel and self._port.is_cancelled():
            raise JobCancelled
        self._port.report({"done": done, "total": total, "unit": unit, "message": message})

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """Add a line, and fields that JSON can write, to the job's events."""
        self._port.log(level, message, fields)

    @property
    def cancelled(self) -> bool:
        """Claim that the job was cancelled: clean up and return; what is returned is dropped."""
        if self._port.is_cancelled():
            self._observed_cancel = True
        return self._observed_cancel

    @property
    def observed_cancel(self) -> bool:
        """Claim that the task has looked, and knows that its job was cancelled."""
        return self._observed_cancel

    def file(self, file_id: str) -> Path:
        """Bring an uploaded file, or another job's artifact, to a local path; read it, never write to it."""
        return self._port.fetch(file_id)

    def artifact(self, name: str) -> Artifact:
        """Reserve an artifact, named by 1-200 characters without a slash; write to it like to a path."""
        artifact_id, path = self._port.artifact_path(name)
        return Artifact(artifact_id, name, path)
