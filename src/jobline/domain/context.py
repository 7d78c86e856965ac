"""What a running task may ask of its job. The work behind it arrives as a port; no I/O enters here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, Protocol

from jobline.domain.errors import JobCancelled
from jobline.domain.plain import finite_number, plain_json, plain_text


class AttemptPort(Protocol):
    """What a context needs of the ledger and of the file store; the worker brings the real one."""

    def report(self, progress: dict[str, Any]) -> None:
        """Store the newest progress and publish it to watching clients."""

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """Append one line to the job's events."""

    def is_cancelled(self) -> bool:
        """Return whether the job was cancelled."""

    def fetch(self, file_id: str) -> Path:
        """Return a local path with the bytes of an uploaded file or of an artifact.

        Raises TaskError ``file.not_found`` when there is no such file.
        """

    def artifact_path(self, name: str) -> tuple[str, Path]:
        """Reserve an artifact: return its id and the local path where the task writes it."""


class Artifact(os.PathLike[str]):
    """A file that a task makes: path-like while it is written, published when the attempt succeeds.

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
    """What a running task may do with its job: report progress, log, see a cancel, use files."""

    __slots__ = ("_observed_cancel", "_port", "attempt", "id", "max_attempts")

    def __init__(self, id: str, attempt: int, max_attempts: int, port: AttemptPort) -> None:
        self.id = id
        #: Counted from 1; a planned stop of the worker does not count.
        self.attempt = attempt
        self.max_attempts = max_attempts
        self._port = port
        self._observed_cancel = False

    def progress(self, done: float, total: float | None = None, *, unit: str = "", message: str = "") -> None:
        """Report how far the work is; watching clients see it live, at most ten times a second.

        Numbers of any kind are taken; one that is not finite reaches clients as null.

        Raises JobCancelled in a cancelled job, so that it stops here. A task that has read ``cancelled`` as
        true may go on reporting while it cleans up.
        """
        if not self._observed_cancel and self._port.is_cancelled():
            raise JobCancelled
        self._port.report(
            {
                "done": finite_number(done),
                "total": finite_number(total),
                "unit": plain_text(unit),
                "message": plain_text(message),
            }
        )

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        """Add a line to the job's events; ``fields`` become JSON, or text where JSON has no form."""
        written = {plain_text(name): plain_json(value) for name, value in fields.items()}
        self._port.log(plain_text(level), plain_text(message), written)

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled. If so, clean up and return; the returned value is dropped."""
        if self._port.is_cancelled():
            self._observed_cancel = True
        return self._observed_cancel

    @property
    def observed_cancel(self) -> bool:
        """Whether the task has read ``cancelled`` as true."""
        return self._observed_cancel

    def file(self, file_id: str) -> Path:
        """Return the local path of an uploaded file or another job's artifact; do not write to it."""
        return self._port.fetch(file_id)

    def artifact(self, name: str) -> Artifact:
        """Reserve an artifact and return it to be written; the name has 1-200 characters, no slash."""
        artifact_id, path = self._port.artifact_path(name)
        return Artifact(artifact_id, name, path)
