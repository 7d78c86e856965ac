"""The port behind a test's JobContext: keeps what a task tells, and serves and collects its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobline.domain.errors import NotFound, TaskError
from jobline.files import FileStore, Workspace, check_written
from jobline.testing.outcome import LogLine, Progress


class KitPort:
    """What the worker's `Attempt` is to a job; see `jobline.domain.context.AttemptPort`."""

    def __init__(self, store: FileStore, space: Workspace, cancel_after: int | None) -> None:
        self.progress: list[Progress] = []
        self.log_lines: list[LogLine] = []
        self._store = store
        self._space = space
        self._cancel_after = cancel_after
        self._artifacts: dict[str, Path] = {}

    def report(self, progress: dict[str, Any]) -> None:
        """Keep one report of progress."""
        self.progress.append(Progress(**progress))

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """Keep one line."""
        self.log_lines.append(LogLine(level, message, fields))

    def is_cancelled(self) -> bool:
        """Return whether the test has cancelled the job by now."""
        return self._cancel_after is not None and len(self.progress) >= self._cancel_after

    def fetch(self, file_id: str) -> Path:
        """Return the local path of a file of the test; raises TaskError ``file.not_found``."""
        try:
            return self._store.fetch(file_id, self._space.inputs)
        except NotFound as error:
            raise TaskError("file.not_found", str(error)) from error

    def artifact_path(self, name: str) -> tuple[str, Path]:
        """Reserve an artifact's id and the path where the task writes it."""
        artifact_id, path = self._space.output(name)
        self._artifacts[name] = path
        return artifact_id, path

    def publish(self) -> dict[str, bytes]:
        """Return the content of every artifact; raises TaskError for one that the task did not write."""
        return {name: check_written(name, path).read_bytes() for name, path in self._artifacts.items()}
