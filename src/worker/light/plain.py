"""Plain functions (`def`) in the light pool: how long they take, and a thread for the long ones."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Seconds. A task whose jobs took less may run on the loop, which stops meanwhile.
SHORT_S = 0.005
#: Seconds. Behind a plain job that runs longer, no other job may wait.
LONG_S = 0.05
#: The weight of the newest run in a task's average; a long run counts at once.
NEWEST = 0.2


class RunTimes:
    """How long the jobs of each task took, as a moving average."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def is_short(self, task: str) -> bool:
        """Return whether the jobs of a task have been short so far; false for a task that never ran."""
        return self._seconds.get(task, SHORT_S) < SHORT_S

    def add(self, task: str, took_s: float) -> None:
        """Add one run."""
        known = self._seconds.get(task, took_s)
        self._seconds[task] = max(took_s, known) if took_s > SHORT_S else known + NEWEST * (took_s - known)


class PlainThread:
    """A thread that runs plain functions one at a time, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._ready = threading.Semaphore(0)
        self._began: float | None = None
        threading.Thread(target=self._run, name="plain", daemon=True).start()

    def start(self, job_id: str, call: Callable[[], object]) -> None:
        """Run a job after those that were started before."""
        self._waiting.append((job_id, call))
        self._ready.release()

    @property
    def is_blocked(self) -> bool:
        """Whether the job that runs is a long one."""
        began = self._began
        return began is not None and time.monotonic() - began > LONG_S

    def withdraw(self) -> list[str]:
        """Remove the jobs that wait behind a long one, and return their ids."""
        withdrawn: list[str] = []
        while self._waiting and self.is_blocked:
            with contextlib.suppress(IndexError):  # the last one has begun just now
                withdrawn.append(self._waiting.pop()[0])
        return withdrawn

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            try:
                job_id, call = self._waiting.popleft()
            except IndexError:  # it was withdrawn
                continue
            self._began = time.monotonic()
            try:
                call()
            except BaseException:  # this thread must not end
                logger.exception("Job %s: Celery's tracer failed.", job_id)
            finally:
                self._began = None
