"""One running attempt's way to the ledger and the file store: the port behind a task's JobContext."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from jobline.domain.errors import JobCancelled, LedgerUnavailable, NotFound, TaskError
from jobline.files import FileStore, Workspace, check_written
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Noted, PublishedArtifact, Renewed
from jobline.ledger.commands.command import Command
from jobline.ledger.recorder import Recorder
from jobline.worker.wiring import Coroutines

T = TypeVar("T")

#: Progress goes to the ledger at most this often; the last one is never dropped.
REPORT_EVERY_S = 0.1
#: A task that asks whether it is cancelled costs a round trip at most this often.
LOOK_EVERY_S = 0.5


class Attempt:
    """Carry what a task tells and asks; see `jobline.domain.context.AttemptPort`.

    The ledger may be out of reach while a task runs: progress and log lines are then lost, never the attempt.
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
        self._looked = time.monotonic()
        self._reported = float("-inf")
        self._pending: dict[str, Any] | None = None
        self._drop_timer: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send the last progress, and remove the working directory, if the task used one."""
        self.flush()
        if self._space is not None:
            self._space.close()

    # told

    def report(self, progress: dict[str, Any]) -> None:
        """Store the newest progress, at most each REPORT_EVERY_S; a later one replaces one that waits."""
        with self._lock:
            self._pending = progress
            if self._drop_timer is not None:
                return
            wait_s = self._reported + REPORT_EVERY_S - time.monotonic()
            if wait_s > 0:
                self._drop_timer = self._later(wait_s, self.flush)
                return
        self.flush()

    def flush(self) -> None:
        """Send the progress that waits, if any."""
        with self._lock:
            progress, self._pending = self._pending, None
            drop_timer, self._drop_timer = self._drop_timer, None
            self._reported = time.monotonic()
        if drop_timer is not None:
            drop_timer()
        if progress is not None:
            self._send("progress", progress)

    def log(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """Append one line to the job's events."""
        self._send("log", {"level": level, "message": message, "fields": fields})

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        text = json.dumps(content, default=str, ensure_ascii=False)
        self._tell(commands.attempts.report(self.job_id, self.fence, kind, text), self._note)

    def _note(self, noted: Noted) -> None:
        self._looked = time.monotonic()
        self._is_lost = self._is_lost or not noted.is_current
        self._is_cancelled = self._is_cancelled or noted.cancel_requested

    def _tell(self, command: Command[T], then: Callable[[T], None]) -> None:
        """Run a command that may be lost."""
        with contextlib.suppress(LedgerUnavailable):
            then(self._recorder.run(command))

    def _later(self, wait_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call something after a while; gives what cancels it."""
        timer = threading.Timer(wait_s, call)
        timer.daemon = True
        timer.start()
        return timer.cancel

    # asked

    def is_cancelled(self) -> bool:
        """Claim that somebody asked for the job's end; raises JobCancelled for a late attempt."""
        if not self._is_cancelled and time.monotonic() - self._looked >= LOOK_EVERY_S:
            self._look()
        if self._is_lost:
            raise JobCancelled
        return self._is_cancelled

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._tell(commands.attempts.renew([(self.job_id, self.fence)], lease_ms=self._lease_ms), self._see)

    def _see(self, renewed: Renewed) -> None:
        self._is_cancelled = bool(renewed.cancelled)
        self._is_lost = bool(renewed.lost)

    # files

    def fetch(self, file_id: str) -> Path:
        """Bring the bytes of a file to a local path; raises TaskError ``file.not_found``."""
        try:
            return FileStore(self._data_dir).fetch(file_id, self._on_disk().inputs)
        except NotFound as error:
            raise TaskError("file.not_found", str(error)) from error

    def artifact_path(self, name: str) -> tuple[str, Path]:
        """Reserve an artifact's id and the path where the task writes it."""
        made = self._on_disk().output(name)
        self._artifacts[name] = made
        return made

    def _on_disk(self) -> Workspace:
        """Make the working directory when it is first asked for; it costs more than many a job."""
        if self._space is None:
            self._space = Workspace(self._data_dir, self.job_id, self.fence).open()
        return self._space

    def publish(self) -> tuple[PublishedArtifact, ...]:
        """Move every artifact that the task wrote into the store.

        Raises TaskError for one that it did not write, and JobCancelled when another attempt has taken over:
        the artifacts of both bear the same ids.
        """
        if self._artifacts:
            self._look()
        if self._is_lost:
            raise JobCancelled
        return tuple(self._publish_one(name, *made) for name, made in self._artifacts.items())

    def _publish_one(self, name: str, artifact_id: str, path: Path) -> PublishedArtifact:
        stored = FileStore(self._data_dir).publish(artifact_id, check_written(name, path))
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return PublishedArtifact(artifact_id, name, media_type, stored.size_bytes, stored.sha256)


class LightAttempt(Attempt):
    """Be the attempt of a coroutine on the pool's loop, which no command may keep waiting."""

    def __init__(self, light: Coroutines, *parts: Any) -> None:  # Any: what Attempt takes
        super().__init__(*parts)
        self._light = light

    def _tell(self, command: Command[T], then: Callable[[T], None]) -> None:
        self._light.tell(command, then)

    def _later(self, wait_s: float, call: Callable[[], None]) -> Callable[[], None]:
        return self._light.later(wait_s, call)
