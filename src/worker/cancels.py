"""Cancel requests for jobs that run here: first their code may stop by itself, then its process is killed.

The pulse calls all of this. A process is killed on the event loop's thread, which alone knows which child
runs which job.
"""

from __future__ import annotations

import time

from jobline.worker.request import held_requests
from jobline.worker.resources import Resources


class Cancels:
    """The jobs that were cancelled while this worker runs them, each with the time when it is killed."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._channel = resources.recorder.subscribe(resources.owner)
        self._deadlines: dict[str, float] = {}

    def receive(self) -> None:
        """Take the cancel requests that the ledger has published since the last call."""
        while job_id := self._channel.poll():
            self.add(job_id)

    def add(self, job_id: str) -> None:
        """Cancel a job's coroutine at once; give other code ``cancel_grace_s`` to stop by itself."""
        grace_s = self._resources.settings.cancel_grace_s
        self._deadlines.setdefault(job_id, time.monotonic() + grace_s)
        if self._resources.light:
            self._resources.light.cancel(job_id)

    def kill_overdue(self) -> None:
        """Kill the jobs that did not stop in time; forget those that did."""
        if not self._deadlines:
            return
        held = {request.id: request for request in held_requests()}
        for job_id, deadline in list(self._deadlines.items()):
            if job_id not in held:
                del self._deadlines[job_id]
            elif time.monotonic() >= deadline:
                del self._deadlines[job_id]
                self._resources.event_loop.call_soon(held[job_id].stop)
