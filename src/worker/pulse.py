"""The worker's pulse: a thread of its parent process that keeps leases, ticks, and hears cancels.

It is a thread with a connection of its own, so that neither a busy event loop nor a job's process can starve
it: a lease is lost only when the whole parent is gone, stopped or cut off from Redis. What it hears is acted
on by the event loop, which alone knows which child runs what.

The pool forks children out of this process. A fork copies every lock as it stands, but no thread that could
open it: one taken in the middle of a beat (of an import, of a connection pool) would stay shut in the child
for ever. So each beat holds a gate, and a fork waits at it; see `Gate`.

* each second: tick (due jobs, lost leases, expiry; and this worker's heartbeat, that brings missed cancels)
* each quarter of the lease: renew, for every attempt that the pool holds
* at once: a cancel, told on the channel of this worker; and reports of the event loop, from the outbox
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from queue import Empty
from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker import state

from jobline.domain.errors import LedgerUnavailable
from jobline.files import FileStore, sweep_workspaces
from jobline.ledger import commands
from jobline.worker.request import held_requests
from jobline.worker.wiring import Wiring, wiring_of

logger = logging.getLogger(__name__)

TICK_EVERY_S = 1.0
#: A long backlog (a million jobs that expire) must not keep the pulse from renewing.
TICK_AT_MOST_S = 0.25
SWEEP_EVERY_S = 3600.0
#: How long the thread rests after a failure.
PAUSE_S = 0.2
#: How long the thread sleeps between two looks at what was told to it.
LISTEN_EVERY_S = 0.05
#: How long the thread waits for the ledger as the worker ends.
FAREWELL_S = 5.0


class Pulse(threading.Thread):
    """Keep one worker's promises to the ledger."""

    def __init__(self, wiring: Wiring, about: Callable[[], dict[str, Any]]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._wiring = wiring
        self._about = about
        self._cancels = wiring.recorder.subscribe(wiring.owner)
        self._stopping: dict[str, float] = {}
        self._has_left = False
        self._gate = Gate()

    def run(self) -> None:
        """Beat until the process ends."""
        beats = {
            self.tick: TICK_EVERY_S,
            self.renew: self._wiring.settings.lease_s / 4,
            self.sweep: SWEEP_EVERY_S,
        }
        due = dict.fromkeys(beats, 0.0)
        while True:
            for beat, every_s in beats.items():
                if time.monotonic() >= due[beat]:
                    due[beat] = time.monotonic() + every_s
                    self.attempt(beat)
            for beat in (self.post, self.listen, self.stop_overdue, self.give_back):
                self.attempt(beat)
            self._wiring.outbox.wait(LISTEN_EVERY_S)

    def attempt(self, beat: Callable[[], object]) -> None:
        """Do one thing; whatever goes wrong must not end the thread that keeps the leases."""
        try:
            with self._gate.lock:
                beat()
        except LedgerUnavailable as error:
            logger.warning("the ledger is out of reach: %s", error)
            time.sleep(PAUSE_S)
        except Exception:
            logger.exception("a beat of the pulse failed")
            time.sleep(PAUSE_S)

    def tick(self) -> None:
        """Bring what time brings; go on at once while there is more."""
        if self._has_left:
            return
        about = json.dumps(self._about())
        enough = time.monotonic() + TICK_AT_MOST_S
        while True:
            ticked = self._wiring.recorder.run(
                commands.clock.tick(
                    self._wiring.owner,
                    about,
                    lease_ms=self._wiring.settings.lease_ms,
                    retention=self._wiring.retention,
                )
            )
            for job_id in ticked.cancelled:
                self.note_cancel(job_id)
            if not ticked.has_more or time.monotonic() > enough:
                return

    def renew(self) -> int:
        """Extend the lease of every attempt that the pool holds; say how many still run."""
        held = {} if self._has_left else {request.id: request for request in held_requests()}
        if not held:
            return 0
        attempts = [(job_id, request.ticket.fence) for job_id, request in held.items()]
        renewed = self._wiring.recorder.run(
            commands.attempts.renew(attempts, lease_ms=self._wiring.settings.lease_ms)
        )
        for job_id in renewed.cancelled:
            self.note_cancel(job_id)
        for job_id in renewed.lost:
            logger.warning("job %s was given to another attempt, this one is stopped", job_id)
            self._wiring.loop.call_soon(held[job_id].stop)
        return renewed.current

    def post(self) -> None:
        """Send what the event loop reported; what cannot be sent stays first in line."""
        while True:
            try:
                command = self._wiring.outbox.get()
            except Empty:
                return
            try:
                self._wiring.recorder.run(command)
            except LedgerUnavailable:
                self._wiring.outbox.put_back(command)
                raise

    def listen(self) -> None:
        """Hear the cancels that were told since the last look."""
        while job_id := self._cancels.poll():
            self.note_cancel(job_id)

    def note_cancel(self, job_id: str) -> None:
        """Give the job's code a while to stop by itself."""
        self._stopping.setdefault(job_id, time.monotonic() + self._wiring.settings.cancel_grace_s)
        if self._wiring.light:
            self._wiring.light.cancel(job_id)

    def stop_overdue(self) -> None:
        """Kill what did not stop by itself."""
        if not self._stopping:
            return
        held = {request.id: request for request in held_requests()}
        for job_id, deadline in list(self._stopping.items()):
            if job_id not in held:
                del self._stopping[job_id]
            elif time.monotonic() >= deadline:
                del self._stopping[job_id]
                self._wiring.loop.call_soon(held[job_id].stop)

    def give_back(self) -> None:
        """Release what was claimed behind a plain job that turned out long (the pool of coroutines alone)."""
        taken = set(self._wiring.light.take_back() if self._wiring.light else ())
        requests = [request for request in held_requests() if request.id in taken]
        self._wiring.release([request.ticket for request in requests])
        for request in requests:
            state.task_ready(request)

    def sweep(self) -> None:
        """Remove what killed attempts left on this machine's disk."""
        settings = self._wiring.settings
        sweep_workspaces(settings.data_dir)
        FileStore(settings.data_dir).sweep()

    def wait_idle(self, patience_s: float) -> None:
        """Wait until no attempt of this worker runs any more, at most ``patience_s``."""
        give_up = time.monotonic() + patience_s
        while time.monotonic() < give_up:
            try:
                if not self.renew():
                    return
            except LedgerUnavailable as error:
                logger.warning("the ledger is out of reach while this worker stops: %s", error)
            time.sleep(0.1)

    def hand_back(self) -> None:
        """Release what this worker still has as it ends, send the last reports, and leave the list."""
        with self._gate.lock:  # a tick on its way would put it back
            self._has_left = True
        self._wiring.release([request.ticket for request in held_requests()])
        self._wiring.outbox.put(commands.clock.leave(self._wiring.owner))
        give_up = time.monotonic() + FAREWELL_S
        while time.monotonic() < give_up:
            try:
                self.post()
                self.disown()
            except LedgerUnavailable as error:
                logger.warning("the ledger is out of reach while this worker ends: %s", error)
                time.sleep(0.2)
            else:
                return

    def disown(self) -> None:
        """Hand back what a claim started that was on its way as the event loop ended."""
        wiring, after = self._wiring, ""
        while wiring.claims.unread is not None:
            step = wiring.recorder.run(
                commands.attempts.disown(wiring.owner, wiring.claims.unread, wiring.retention, after)
            )
            after = step.after
            if not after:
                wiring.claims.unread = None


class PulseStep(StartStopStep):
    """Start the pulse before the pool, so that it beats until the pool is gone."""

    requires = ("celery.worker.components:Timer",)

    def __init__(self, worker: Any, **options: Any) -> None:
        self.pulse: Pulse | None = None
        super().__init__(worker, **options)

    def start(self, worker: Any) -> None:
        """Start beating."""
        wiring = wiring_of(worker.app)

        def about() -> dict[str, Any]:
            pool = worker.pool
            wiring.loop.capacity = (
                worker.max_concurrency or getattr(pool, "num_processes", 0) or worker.concurrency
            )
            return {
                "hostname": worker.hostname,
                "queues": sorted(worker.app.amqp.queues.consume_from),
                "capacity": wiring.loop.capacity,
                "busy": len(state.reserved_requests),
            }

        wiring.loop.capacity = worker.max_concurrency or worker.concurrency
        wiring.loop.attach(worker.hub)
        self.pulse = Pulse(wiring, about)
        self.pulse.start()
        worker.pulse = self.pulse

    def stop(self, worker: Any) -> None:  # noqa: ARG002
        """Hand back what is left; the thread itself ends with the process, after the pool."""
        if self.pulse:
            self.pulse.hand_back()

    terminate = stop


class Gate:
    """Make every fork of this process wait until the pulse is between two beats."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        os.register_at_fork(
            before=self.lock.acquire, after_in_parent=self.lock.release, after_in_child=self.lock.release
        )
