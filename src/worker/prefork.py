"""Celery's prefork pool, with four repairs: two for lost connections, one for memory, one for tasks.

* The pool watches each child by a descriptor that becomes readable when the child ends, and stops watching
  at the first event there. But the child may stay in the pool after that: because it has not died yet, or
  because it is healthy and the event was a late one of a closed connection whose number the descriptor took
  over. When the event loop restarts after a lost connection, Celery fails on the missing descriptor and the
  worker ends (celery#9250 is related; row 14c of the fault table found it). And a child that had not died
  yet is found dead only by a timer of 5 s: half of the kills of row 3 took that long to be noticed. So such
  a child is watched again, and the pool looks for dead ones soon after each event.
* Each attempt sets a timer for its time limit. Its end cancels the timer, but the queue of timers keeps a
  cancelled entry until its time has come, at 450 bytes a job: 500 short jobs a second with a limit of an hour
  held 800 MB (row 18 found it). So cancelled entries are removed every second.
* With the connection, Celery drops every job that no child has confirmed yet, because its broker delivers
  those again. But a job that was written to a child runs all the same: nobody would renew its lease, and the
  next job might be given to the same child and wait there. So `flush` keeps those jobs; `consumer` releases
  the others.
* Python refuses processes of its own to a daemonic process, which each child is: a task could use neither
  `multiprocessing` nor `ProcessPoolExecutor` (celery#1709). So a child does not count as one.

Private names used, and only here: Celery's ``_track_child_process``, ``_event_process_exit`` and
``_sentinel_poll``, billiard's ``_is_alive``, ``_pool``, ``_cache``, ``_accepted`` and ``_write_to``, kombu's
``_queue`` of a timer,
``_config`` of a process. ``tests/worker/test_prefork.py`` fails when one is renamed.
"""

from __future__ import annotations

import heapq
import multiprocessing
from typing import Any

from celery import signals
from celery.concurrency import asynpool, prefork

SWEEP_EVERY_S = 1.0
#: How long a process takes from the end of its descriptors to its own end.
DEATH_S = 0.05


class Children(asynpool.AsynPool):
    """Celery's pool of processes, with the repairs."""

    _sweeps = False

    def register_with_event_loop(self, hub: Any) -> None:
        """Join the event loop, at its start and after each lost connection."""
        super().register_with_event_loop(hub)
        if not self._sweeps:
            self._sweeps = True
            hub.call_repeatedly(SWEEP_EVERY_S, sweep, hub.timer)

    def flush(self) -> None:
        """Drop the jobs that wait for a child, and keep those that were written to one."""
        written = [job for job in self._cache.values() if job._write_to and not job._accepted]  # noqa: SLF001
        for job in written:
            job._accepted = True  # noqa: SLF001 - so that it is kept and its child counts as busy
        super().flush()
        for job in written:
            job._accepted = False  # noqa: SLF001 - its child will confirm it

    def jobs(self) -> set[str]:
        """Return the ids of the pool's jobs."""
        return {job.correlation_id for job in self._cache.values()}

    def _event_process_exit(self, hub: Any, proc: Any) -> None:
        super()._event_process_exit(hub, proc)
        if proc in self._pool:
            hub.call_later(DEATH_S, self.maintain_pool)

    def _track_child_process(self, proc: Any, hub: Any) -> None:
        if getattr(proc, "_sentinel_poll", 0) is None:
            if not proc._is_alive():  # noqa: SLF001 - see the module's head
                return  # the pool's own timer removes it
            del proc._sentinel_poll  # noqa: SLF001
        super()._track_child_process(proc, hub)


class PreforkPool(prefork.TaskPool):
    """Celery's prefork pool over `Children`."""

    Pool = Children

    def jobs(self) -> set[str]:
        """Return the ids of the jobs that neither ended nor were dropped; none once the pool ended."""
        found: set[str] = set() if self._pool is None else self._pool.jobs()
        return found


@signals.worker_process_init.connect
def allow_processes(**_: Any) -> None:
    """Let tasks start processes: this process counts as daemonic for its parent alone."""
    process: Any = multiprocessing.current_process()
    process._config["daemon"] = False  # noqa: SLF001 - see the module's head


def sweep(timer: Any) -> None:
    """Remove cancelled entries, in place: the timer may be iterating over them."""
    queue = timer._queue  # noqa: SLF001 - see the module's head
    queue[:] = [scheduled for scheduled in queue if not scheduled.entry.canceled]
    heapq.heapify(queue)
