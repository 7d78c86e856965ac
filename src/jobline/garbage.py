"""Spare long-lived processes, the API and workers, most of what Python's collector would do; no I/O.

What was imported is never garbage, and a request or an attempt makes few objects that outlive it. Left as it
is, the collector walks all modules again and again: docs/performance.md says what that cost a light worker.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Young objects are looked at less often than by Python's own 700, 10, 10.
THRESHOLDS = (20_000, 50, 100)
#: A coroutine that runs keeps 70 objects that the collector looks at. They come and go in crowds.
OBJECTS_A_JOB = 200


def spare_imports() -> None:
    """Leave what there is now out of all later collections; a fork then shares its pages, too."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def spare_running(jobs: int) -> None:
    """Have what so many jobs keep while they run count as young: looked at before, it is found alive."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, OBJECTS_A_JOB * jobs), *older)


@contextmanager
def spared_imports() -> Iterator[None]:
    """Do so while the block runs, for a program that goes on afterwards."""
    before = gc.get_threshold()
    spare_imports()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
