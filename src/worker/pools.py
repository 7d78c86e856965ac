"""Pools of ours for Celery, chosen by ``CELERY_CUSTOM_WORKER_POOL`` and ``--pool custom``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.concurrency.thread import TaskPool

from jobline.worker.wiring import wiring_of


class ThreadPool(TaskPool):
    """Be Celery's pool of threads, and tell the event loop when a slot is free.

    The stock one ends jobs beside the loop, which then looks for the next job only when something else wakes
    it, up to a second later.
    """

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        **options: Any,
    ) -> Any:
        """Run one job on a thread."""
        return super().on_apply(target, args, kwargs, self.and_nudge(callback), **options)

    def and_nudge(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Call back, then wake the loop."""

        def called(result: Any) -> None:
            callback(result)
            wiring_of(self.app).loop.nudge()

        return called
