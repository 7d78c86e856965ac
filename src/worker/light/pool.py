"""The pool of coroutines, as Celery sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from celery.concurrency.base import BasePool, apply_target

from jobline.garbage import expect_running
from jobline.worker.light.loop import LightLoop, LightRecorder
from jobline.worker.light.poller import SharedPoller
from jobline.worker.resources import resources_of


class LightPool(BasePool):
    """Runs `async def` jobs and short plain ones on the event loop, other plain ones on one thread."""

    body_can_be_buffer = True
    signal_safe = False

    def on_start(self) -> None:
        """Create the loop."""
        self._resources = resources_of(self.app)
        connector = self._resources.connector
        self._light = self._resources.light = LightLoop(connector)
        self._resources.recorder = LightRecorder(connector, self._light)
        expect_running(self.num_processes)

    def register_with_event_loop(self, hub: Any) -> None:
        """Share the thread of Celery's event loop; called again after each loss of the broker."""
        if not isinstance(hub.poller, SharedPoller):
            hub.poller = SharedPoller(hub.poller, self._light.loop)

    def on_apply(
        self,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        callback: Callable[..., object] | None = None,
        accept_callback: Callable[..., object] | None = None,
        **_: Any,
    ) -> None:
        """Run one job: Celery's tracer with its arguments."""
        name, job_id = args[0], args[1]
        job = partial(apply_target, target, args, kwargs or {}, callback, accept_callback)
        if self._resources.registry.get(name).is_async or self._light.run_times.is_short(name):
            self._light.start(partial(self._run_on_loop, job))
        else:
            self._light.plain.start(job_id, partial(self._run_on_thread, job))

    def _run_on_loop(self, job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            self._light.loop.stop()  # lets Celery's event loop, on the same thread, claim the next job

    def _run_on_thread(self, job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            self._resources.event_loop.wake()

    @property
    def num_processes(self) -> int:
        """How many jobs run at once."""
        return int(self.limit)

    def on_stop(self) -> None:
        """Close the loop; what has not ended within the stop's grace ends here."""
        self._light.close()

    def on_terminate(self) -> None:
        """Do nothing: what runs ends with the process."""
