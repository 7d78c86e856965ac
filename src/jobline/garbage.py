"""Python's garbage collector in long-lived processes, the API and workers: less work, for the same memory.

Imported modules are never garbage, and few objects outlive their request or attempt. With its defaults the
collector scans all modules over and over: docs/performance.md says what that cost a light worker.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Allocations before a young collection, and young collections before older ones. Python has 700, 10, 10.
THRESHOLDS = (20_000, 50, 100)
#: A running coroutine keeps 70 objects that the collector scans, and jobs start and end in bursts.
OBJECTS_A_JOB = 200


def freeze_imports() -> None:
    """Exclude all existing objects from later collections; forked children then share their pages, too."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def expect_running(jobs: int) -> None:
    """Raise the young threshold so that the objects of running jobs are not scanned while they live."""
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, OBJECTS_A_JOB * jobs), *older)


@contextmanager
def frozen_imports() -> Iterator[None]:
    """Freeze the imports while the block runs, and restore the collector afterwards."""
    before = gc.get_threshold()
    freeze_imports()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
