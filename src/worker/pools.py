"""The pool of threads, chosen by ``CELERY_CUSTOM_WORKER_POOL`` and ``--pool custom``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.concurrency.thread import TaskPool

from jobline.worker.resources import resources_of


class ThreadPool(TaskPool):
    """Celery's pool of threads, which also wakes the event loop when a slot becomes free.

    In the stock pool a job ends beside the loop. The loop then claims the next job only when something else
    wakes it, up to a second later.
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
        return super().on_apply(target, args, kwargs, self._then_wake(callback), **options)

    def on_stop(self) -> None:
        """Begin no more jobs. Those that run had the grace of the stop; the end of the process ends them."""
        self.executor.shutdown(wait=False, cancel_futures=True)

    def _then_wake(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        def called(result: Any) -> None:
            callback(result)
            resources_of(self.app).event_loop.wake()

        return called
