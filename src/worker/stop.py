"""A planned stop, the same for every pool, signal and `celery control shutdown`.

The worker claims nothing more, and its event loop goes on, so results, cancels and time limits work as
before. It ends when no job runs, at the latest after ``JOBLINE_STOP_GRACE_S``. What still runs then is killed
(prefork) or ended with the process (the other pools, which cannot kill), and released: it starts elsewhere
only once it no longer runs here. A second signal ends the grace at once, a third one the process.

Celery's own handlers are not used. They wait inside the signal's handler, where the event loop stands still;
they act in each process that was forked from this one; and the one of SIGHUP fails (celery#152).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from celery.worker import state

#: SIGHUP comes when a terminal closes; under ``nohup`` it stays ignored.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class PlannedStop:
    """Whether this worker stops, and until when its jobs may run."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._deadline: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether this worker claims no more jobs."""
        return self._deadline is not None

    @property
    def overdue_s(self) -> float:
        """How long the jobs have outlived the grace; negative while it lasts."""
        return float("-inf") if self._deadline is None else time.monotonic() - self._deadline

    def begin(self) -> None:
        """Stop to claim; called once more, end the grace at once. Safe in a signal's handler."""
        if self._deadline is not None:
            self._deadline = time.monotonic()
            return
        self._deadline = time.monotonic() + self._grace_s
        running = len(state.reserved_requests)
        say(
            f"jobline: this worker stops. It waits up to {self._grace_s:g} s for {running} "
            f"{'job' if running == 1 else 'jobs'}; what does not end in time starts elsewhere."
            if running
            else "jobline: this worker stops."
        )


def install_handlers(stop: PlannedStop, on_begin: Callable[[str], object]) -> None:
    """Begin ``stop`` at each of SIGNALS; ``on_begin`` gets the name of the first."""
    owner, received = os.getpid(), 0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal received
        if os.getpid() != owner:  # a process that a task has forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        received += 1
        if received == 1:
            on_begin(signal.Signals(number).name)
        elif received > 2:  # noqa: PLR2004 - see the module's head
            os._exit(1)
        stop.begin()

    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def say(line: str) -> None:
    """Write one line to stderr; unlike logging, safe in a signal's handler."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{line}\n".encode())
