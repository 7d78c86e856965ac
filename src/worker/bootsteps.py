"""The step by which Celery's worker starts the pulse."""

from __future__ import annotations

from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker import state

from jobline.worker.janitor import Janitor
from jobline.worker.pulse import Pulse
from jobline.worker.resources import resources_of


class PulseStep(StartStopStep):
    """Starts the pulse. `controller.Worker` ends it, after every step: a set decides their order."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Start the thread."""
        resources = resources_of(worker.app)

        def describe() -> dict[str, Any]:
            resources.slots, busy = slots(worker), len(state.reserved_requests)
            return {
                "hostname": worker.hostname,
                "queues": sorted(worker.app.amqp.queues.consume_from),
                "tasks": sorted(resources.registry.tasks),
                "capacity": resources.slots,
                "busy": busy,
                "claims": resources.claims(busy),
            }

        resources.slots = worker.max_concurrency or worker.concurrency
        resources.event_loop.attach(worker.hub)
        worker.pulse = Pulse(resources, describe, worker.end_now)
        worker.pulse.start()
        Janitor(resources).start()


def slots(worker: Any) -> int:
    """Return how many jobs the pool runs at once; ``celery control pool_grow`` changes it."""
    return int(worker.max_concurrency or getattr(worker.pool, "num_processes", 0) or worker.concurrency)
