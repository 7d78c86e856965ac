"""The port behind a task's JobContext: how one running attempt reaches the ledger and the file store."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from jobline.domain.errors import JobCancelled, LedgerUnavailable, NotFound, TaskError
from jobline.files import FileStore, Workspace, check_written
from jobline.ledger import commands
from jobline.ledger.commands.attempts import PublishedArtifact, Renewed, Reported
from jobline.ledger.commands.command import Command
from jobline.ledger.recorder import Recorder

if TYPE_CHECKING:  # the other pools do not load greenlet and uvloop
    from jobline.worker.light.loop import LightLoop

T = TypeVar("T")

#: Progress is sent at most this often; the last one is always sent.
REPORT_EVERY_S = 0.1
#: A task that asks whether its job is cancelled costs a round trip at most this often.
CHECK_EVERY_S = 0.5


class Attempt:
    """An `AttemptPort` for code that may block.

    While the ledger is out of reach, progress and log lines are lost, but the attempt goes on.
    """

    def __init__(self, job_id: str, fence: int, lease_ms: int, data_dir: Path, recorder: Recorder) -> None:
        self.job_id = job_id
        self.fence = fence
        self._lease_ms = lease_ms
        self._data_dir = data_dir
        self._recorder = recorder
        self._space: Workspace | None = None
        self._artifacts: dict[str, tuple[str, Path]] = {}
        self._is_cancelled = False
        self._is_lost = False
        self._checked = time.monotonic()
        self._reported = float("-inf")
        self._pending: dict[str, Any] | None = None
        self._cancel_timer: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send the last progress, and remove the working directory, if the task used one."""
        self.flush()
        if self._space is not None:
            self._space.close()

    # what a task reports

    def report(self, progress: dict[str, Any]) -> None:
        """Send the newest progress, at most once each REPORT_EVERY_S; it replaces one not yet sent."""
        with self._lock:
            self._pending = progress
            if self._cancel_timer is not None:
                return
            wait_s = self._reported + REPORT_EVERY_S - time.monotonic()
            if wait_s > 0:
                self._cancel_timer = self._call_later(wait_s, self.flush)
                return
        self.flush()

    def flush(self) -> None:
        """Send the progress that was not sent yet, if any."""
        with self._lock:
            progress, self._pending = self._pending, None
            cancel_timer, self._cancel_timer = self._cancel_timer, None
            self._reported = time.monotonic()
        if cancel_timer is not None:
            cancel_timer()
        if progress is not None:
            self._report("progress", progress)

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """Append one line to the job's events."""
        self._report("log", {"level": level, "message": message, "fields": fields})

    def _report(self, kind: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, default=str, ensure_ascii=False)
        self._send(commands.attempts.report(self.job_id, self.fence, kind, text), self._on_noted)

    def _on_noted(self, noted: Reported) -> None:
        self._checked = time.monotonic()
        self._is_lost = self._is_lost or not noted.is_current
        self._is_cancelled = self._is_cancelled or noted.cancel_requested

    def _send(self, command: Command[T], on_reply: Callable[[T], None]) -> None:
        """Run a command; if Redis is out of reach, drop it."""
        with contextlib.suppress(LedgerUnavailable):
            on_reply(self._recorder.run(command))

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call a function after a delay; return what cancels the call."""
        timer = threading.Timer(delay_s, call)
        timer.daemon = True
        timer.start()
        return timer.cancel

    # what a task asks

    def is_cancelled(self) -> bool:
        """Return whether the job was cancelled; raises JobCancelled if this attempt lost its lease."""
        if not self._is_cancelled and time.monotonic() - self._checked >= CHECK_EVERY_S:
            self._check()
        if self._is_lost:
            raise JobCancelled
        return self._is_cancelled

    def _check(self) -> None:
        self._checked = time.monotonic()
        self._send(
            commands.attempts.renew([(self.job_id, self.fence)], lease_ms=self._lease_ms), self._on_renewed
        )

    def _on_renewed(self, renewed: Renewed) -> None:
        self._is_cancelled = bool(renewed.cancelled)
        self._is_lost = bool(renewed.lost)

    # files

    def fetch(self, file_id: str) -> Path:
        """Return a local path to the bytes of a file; raises TaskError ``file.not_found``."""
        try:
            return FileStore(self._data_dir).fetch(file_id, self._workspace().inputs)
        except NotFound as error:
            raise TaskError("file.not_found", str(error)) from error

    def artifact_path(self, name: str) -> tuple[str, Path]:
        """Reserve an artifact's id and the path where the task writes it."""
        reserved = self._workspace().output(name)
        self._artifacts[name] = reserved
        return reserved

    def _workspace(self) -> Workspace:
        """Return the working directory, made at the first call: making it costs more than a short job."""
        if self._space is None:
            self._space = Workspace(self._data_dir, self.job_id, self.fence).open()
        return self._space

    def publish(self) -> tuple[PublishedArtifact, ...]:
        """Move every artifact that the task wrote into the store.

        Raises TaskError for one that it did not write, and JobCancelled if this attempt lost its lease: a
        later attempt writes artifacts with the same ids.
        """
        if self._artifacts:
            self._check()
        if self._is_lost:
            raise JobCancelled
        return tuple(self._publish_one(name, *reserved) for name, reserved in self._artifacts.items())

    def _publish_one(self, name: str, artifact_id: str, path: Path) -> PublishedArtifact:
        stored = FileStore(self._data_dir).publish(artifact_id, check_written(name, path))
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return PublishedArtifact(artifact_id, name, media_type, stored.size_bytes, stored.sha256)


class LightAttempt(Attempt):
    """An `AttemptPort` for a coroutine on the light pool's loop, which no command may block."""

    def __init__(self, light: LightLoop, *parts: Any) -> None:  # Any: the parameters of Attempt
        super().__init__(*parts)
        self._light = light

    def _send(self, command: Command[T], on_reply: Callable[[T], None]) -> None:
        self._light.send(command, on_reply)

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        return self._light.call_later(delay_s, call)
