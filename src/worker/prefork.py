"""Celery's prefork pool, mended where a lost connection ends a worker or a lease, and where memory fills.

* Each child is watched by a descriptor that tells of its end, and Celery lets go of the descriptor when it
  hears something there. A child may stay in the pool after that: one that is about to die and not yet dead,
  or a healthy one, by the late word of a closed connection whose number the descriptor took over. When the
  event loop then starts again, after a lost connection, Celery stumbles over the missing descriptor and the
  worker ends (celery#9250 is its kin). Fault row 14c found it. And who was about to die would be found dead
  by a timer of 5 s alone: half of the kills of row 3 took so long to be seen.
* Each attempt sets an alarm for its time limit. Its end cancels the alarm, but the timer keeps what was
  cancelled until its time has come: 500 short jobs a second with a limit of an hour held 800 MB. Fault row
  18 found it: 450 bytes a job.
* With the connection, Celery drops every job that no child has confirmed yet, as its broker delivers those
  again. One that is written to a child already runs all the same: nobody would renew its lease, and the next
  job might be given to the same child, to wait there. `flush` keeps those; `consumer` hands back the others.

Private names used, and only here: Celery's ``_track_child_process``, ``_event_process_exit`` and
``_sentinel_poll``, billiard's ``_is_alive``, ``_pool``, ``_cache``, ``_accepted`` and ``_write_to``, kombu's
``_queue`` of a timer.
``tests/worker/test_prefork.py`` fails when one is renamed.
"""

from __future__ import annotations

import heapq
from typing import Any

from celery.concurrency import asynpool, prefork

SWEEP_EVERY_S = 1.0
#: How long a process takes between the end of its descriptors and its own.
SOON_S = 0.05


class Children(asynpool.AsynPool):
    """Be Celery's pool of processes; watch anew whom it lost sight of, and forget the alarms that are off."""

    _sweeps = False

    def register_with_event_loop(self, hub: Any) -> None:
        """Join the event loop, at its start and after each lost connection."""
        super().register_with_event_loop(hub)
        if not self._sweeps:
            self._sweeps = True
            hub.call_repeatedly(SWEEP_EVERY_S, sweep, hub.timer)

    def flush(self) -> None:
        """Drop what waits for a child, and finish what is being written to one."""
        written = [job for job in self._cache.values() if job._write_to and not job._accepted]  # noqa: SLF001
        for job in written:
            job._accepted = True  # noqa: SLF001 - it stays, and its child counts as busy
        super().flush()
        for job in written:
            job._accepted = False  # noqa: SLF001 - its child will confirm it

    def jobs(self) -> set[str]:
        """Name the jobs that it has."""
        return {job.correlation_id for job in self._cache.values()}

    def _event_process_exit(self, hub: Any, proc: Any) -> None:
        super()._event_process_exit(hub, proc)
        if proc in self._pool:
            hub.call_later(SOON_S, self.maintain_pool)

    def _track_child_process(self, proc: Any, hub: Any) -> None:
        if getattr(proc, "_sentinel_poll", 0) is None:
            if not proc._is_alive():  # noqa: SLF001 - see the module's head
                return  # the pool's own timer buries it
            del proc._sentinel_poll  # noqa: SLF001
        super()._track_child_process(proc, hub)


class PreforkPool(prefork.TaskPool):
    """Be Celery's prefork pool with such children."""

    Pool = Children

    def jobs(self) -> set[str]:
        """Name the jobs that it has not given back, by a result or by a flush; none once it has ended."""
        found: set[str] = set() if self._pool is None else self._pool.jobs()
        return found


def sweep(timer: Any) -> None:
    """Drop what was cancelled, in place: the timer may be in the middle of a round."""
    queue = timer._queue  # noqa: SLF001 - see the module's head
    queue[:] = [scheduled for scheduled in queue if not scheduled.entry.canceled]
    heapq.heapify(queue)
