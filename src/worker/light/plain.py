"""Plain functions beside the coroutines: which are short enough for the loop, and a thread for the others."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

#: Seconds. A task whose jobs took less may run on the loop, which stands still meanwhile.
SHORT_S = 0.005
#: Seconds. A plain job that runs longer is no short one: nothing may wait behind it.
LONG_S = 0.05
#: The weight of the newest run in a task's typical time; a long run counts at once.
NEWEST = 0.2


class Typical:
    """Remember how long the jobs of each task took."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def is_short(self, task: str) -> bool:
        """Claim that a task's jobs have been short so far; one that never ran is not."""
        return self._seconds.get(task, SHORT_S) < SHORT_S

    def learn(self, task: str, took_s: float) -> None:
        """Take in one run."""
        known = self._seconds.get(task, took_s)
        self._seconds[task] = max(took_s, known) if took_s > SHORT_S else known + NEWEST * (took_s - known)


class PlainThread:
    """Run plain functions one at a time, on a thread of their own."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Callable[[], object]]] = deque()
        self._came = threading.Semaphore(0)
        self._began: float | None = None
        threading.Thread(target=self._run, name="plain", daemon=True).start()

    def start(self, job_id: str, call: Callable[[], object]) -> None:
        """Run a job after those that came before."""
        self._waiting.append((job_id, call))
        self._came.release()

    @property
    def is_stuck(self) -> bool:
        """Claim that the job that runs is a long one."""
        began = self._began
        return began is not None and time.monotonic() - began > LONG_S

    def take_back(self) -> list[str]:
        """Take out what waits behind a long job; give the ids."""
        taken: list[str] = []
        while self._waiting and self.is_stuck:
            with contextlib.suppress(IndexError):  # the last one began just now
                taken.append(self._waiting.pop()[0])
        return taken

    def _run(self) -> None:
        while True:
            self._came.acquire()
            try:
                _, call = self._waiting.popleft()
            except IndexError:  # it was taken back
                continue
            self._began = time.monotonic()
            try:
                call()
            except Exception:
                logger.exception("a job's tracer failed")
            finally:
                self._began = None
