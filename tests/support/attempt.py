"""A stand-in for the worker round one attempt of a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobline.files import FileStore, Stored, Workspace, new_file_id


@dataclass
class FakePort:
    """Stand for the worker: keep what a task tells, and serve files from a real store in a directory."""

    root: Path
    space: Workspace
    cancelled: bool = False
    reports: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    outputs: dict[str, tuple[str, Path]] = field(default_factory=dict)
    #: Called after each report, so that a test can act in the middle of a task.
    on_report: Callable[[FakePort], None] = lambda _: None

    def __post_init__(self) -> None:
        self.store = FileStore(self.root)

    def report(self, progress: dict[str, Any]) -> None:
        self.reports.append(progress)
        self.on_report(self)

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        self.lines.append(f"{level}: {message} {fields}")

    def is_cancelled(self) -> bool:
        return self.cancelled

    def fetch(self, file_id: str) -> Path:
        return self.store.fetch(file_id, self.space.inputs)

    def artifact_path(self, name: str) -> tuple[str, Path]:
        self.outputs[name] = self.space.output(name)
        return self.outputs[name]

    def upload(self, content: bytes) -> str:
        """Put bytes into the store as a client would, and give their id."""
        path = self.root / "upload"
        path.write_bytes(content)
        return self.store.publish(new_file_id(), path).id

    def made(self, name: str) -> Path:
        """Give the local path of an artifact that the task wrote."""
        return self.outputs[name][1]

    def publish(self, name: str) -> Stored:
        """Publish an artifact as the worker does when the attempt succeeds."""
        return self.store.publish(*self.outputs[name])
