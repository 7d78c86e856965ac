"""The pool itself, as Celery sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from celery.concurrency.base import BasePool, apply_target
from celery.worker import state

from jobline.garbage import spare_running
from jobline.worker.light.loop import Light, LightRecorder
from jobline.worker.light.poller import SharedPoller
from jobline.worker.wiring import wiring_of

#: How often a stopping pool looks whether its jobs have ended.
LOOK_EVERY_S = 0.05


class LightPool(BasePool):
    """Run `async def` jobs and short plain ones on the event loop, other plain ones on one thread."""

    body_can_be_buffer = True
    signal_safe = False

    def on_start(self) -> None:
        """Make the loop."""
        self._wiring = wiring_of(self.app)
        self._light = Light(self._wiring.connector)
        self._wiring.light = self._light
        self._wiring.recorder = LightRecorder(self._wiring.connector, self._light)
        spare_running(self.num_processes)

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
        """Run one job: Celery's tracer with what it needs."""
        name, job_id = args[0], args[1]
        job = partial(apply_target, target, args, kwargs or {}, callback, accept_callback)
        if self._wiring.registry.get(name).is_async or self._light.typical.is_short(name):
            self._light.start(partial(self._run_here, job))
        else:
            self._light.plain.start(job_id, partial(self._run_beside, job))

    def _run_here(self, job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            self._light.loop.stop()  # Celery's event loop, which shares the thread, may claim again

    def _run_beside(self, job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            self._wiring.loop.nudge()

    @property
    def num_processes(self) -> int:
        """Say how many jobs run at once."""
        return int(self.limit)

    def on_stop(self) -> None:
        """Let what runs go on for the stop's grace; what has not ended by then the pulse hands back."""
        give_up = time.monotonic() + self._wiring.settings.stop_grace_s
        while state.active_requests and time.monotonic() < give_up:
            self._light.loop.call_later(LOOK_EVERY_S, self._light.loop.stop)
            self._light.loop.run_forever()
        self._light.close()

    def on_terminate(self) -> None:
        """Leave what runs to end with the process."""
