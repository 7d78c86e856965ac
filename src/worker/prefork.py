"""Celery's prefork pool, which outlives a lost connection while it has a child that it no longer watches.

Each child is watched by a descriptor that tells of its end, and Celery lets go of the descriptor when it
hears something there. A child may stay in the pool after that: one that is about to die and not yet dead, or
a healthy one, by the late word of a closed connection whose number the descriptor took over. When the event
loop then starts again, after a lost connection, Celery stumbles over the missing descriptor and the worker
ends (celery#9250 is its kin). A row of the fault suite, resets of the network under load, found it.

Private names of Celery used, and only here: ``_track_child_process``, ``_sentinel_poll``, ``_is_alive``.
``tests/worker/test_prefork.py`` fails when one is renamed.
"""

from __future__ import annotations

from typing import Any

from celery.concurrency import asynpool, prefork


class Children(asynpool.AsynPool):
    """Be Celery's pool of processes, and watch anew whom it lost sight of."""

    def _track_child_process(self, proc: Any, hub: Any) -> None:  # noqa: ANN401 - Celery's own hook
        if getattr(proc, "_sentinel_poll", 0) is None:
            if not proc._is_alive():  # noqa: SLF001 - see the module's head
                return  # the pool's own timer buries it
            del proc._sentinel_poll  # noqa: SLF001
        super()._track_child_process(proc, hub)


class PreforkPool(prefork.TaskPool):
    """Be Celery's prefork pool with such children."""

    Pool = Children
