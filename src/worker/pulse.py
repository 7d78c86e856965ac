"""The pulse: a thread of the worker's parent process for its leases and its other duties to the ledger.

Its connections are its own, so neither a busy event loop nor a job's process can delay it: a lease is lost
only when the whole parent is gone, stopped or cut off from Redis.

* each second: tick (due jobs, lost leases, expiry; also this worker's heartbeat)
* each quarter of the lease: renew, for every attempt that the pool holds
* at once: send the reports of the event loop, and act on cancel requests

The replies of tick and renew repeat the cancel requests, in case the channel lost some.

The pool forks children out of this process. A fork copies every lock in its current state but not the thread
that would release it: a lock that the pulse holds at that moment (of an import, of a connection pool) would
stay locked in the child forever. So each duty runs under a lock that a fork waits for; see `ForkGate`.
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

from celery.worker import state

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.ledger import commands
from jobline.worker.cancels import Cancels
from jobline.worker.request import held_requests
from jobline.worker.resources import Resources

logger = logging.getLogger(__name__)

TICK_EVERY_S = 1.0
#: A long backlog (a million jobs that expire) must not keep the pulse from renewing leases.
TICK_AT_MOST_S = 0.25
#: The pause after a failure.
PAUSE_S = 0.2
#: How long the thread sleeps when there is nothing to send; a cancel request waits that long.
POLL_EVERY_S = 0.05
#: How long a worker may take to end once the grace is over, before its process is ended.
END_WITHIN_S = 5.0
#: How long a worker that ends, and has something to report, tries to reach the ledger.
LEAVE_WITHIN_S = 5.0


class Pulse(threading.Thread):
    """The thread; ``describe`` returns what the ledger shows of this worker."""

    def __init__(
        self,
        resources: Resources,
        describe: Callable[[], dict[str, Any]],
        end_now: Callable[[], object],
    ) -> None:
        super().__init__(name="pulse", daemon=True)
        self._resources = resources
        self._recorder = resources.recorder
        self._settings = resources.settings
        self._describe = describe
        self._end_now = end_now
        self._cancels = Cancels(resources)
        self._has_left = False
        self._gate = ForkGate()

    def run(self) -> None:
        """Do the duties until the process ends."""
        every_s = {
            self.tick: TICK_EVERY_S,
            self.renew: self._settings.lease_s / 4,
        }
        due = dict.fromkeys(every_s, 0.0)
        while True:
            for duty, interval_s in every_s.items():
                if time.monotonic() >= due[duty]:
                    due[duty] = time.monotonic() + interval_s
                    self._do(duty)
            self.watch_stop()
            for duty in (
                self.send_reports,
                self._cancels.receive,
                self._cancels.kill_overdue,
                self.release_blocked,
            ):
                self._do(duty)
            self._resources.outbox.wait(POLL_EVERY_S)

    def _do(self, duty: Callable[[], object]) -> None:
        """Run one duty; no error of it may end the thread that keeps the leases."""
        try:
            with self._gate.lock:
                duty()
        except LedgerUnavailable as error:
            logger.warning("This worker cannot reach the ledger and retries: %s", error)
            time.sleep(PAUSE_S)
        except Exception:
            logger.exception("The worker's pulse failed at %s and retries.", duty.__name__)
            time.sleep(PAUSE_S)

    # duties

    def tick(self) -> None:
        """Let the ledger do what is due by its clock, for at most TICK_AT_MOST_S."""
        if self._has_left:
            return
        about = json.dumps(self._describe()) if self._resources.is_able else ""
        stop_at = time.monotonic() + TICK_AT_MOST_S
        while True:
            ticked = self._recorder.run(
                commands.clock.tick(
                    self._resources.owner,
                    about,
                    lease_ms=self._settings.lease_ms,
                    retention=self._settings.retention,
                )
            )
            for job_id in ticked.cancelled:
                self._cancels.add(job_id)
            known = self._resources.registry.tasks
            self._resources.unserved = tuple(task for task in ticked.unserved if task in known)
            if not ticked.has_more or time.monotonic() > stop_at:
                return

    def renew(self) -> int:
        """Extend the lease of every attempt that the pool holds; return how many are still current."""
        held = {} if self._has_left else {request.id: request for request in held_requests()}
        if not held:
            return 0
        attempts = [(job_id, request.ticket.fence) for job_id, request in held.items()]
        renewed = self._recorder.run(commands.attempts.renew(attempts, lease_ms=self._settings.lease_ms))
        for job_id in renewed.cancelled:
            self._cancels.add(job_id)
        for job_id in renewed.lost:
            request = held[job_id]
            logger.warning(
                "Job %s: attempt %d of task %s lost its lease to a later attempt and is stopped.",
                job_id, request.ticket.attempt, request.ticket.task,
            )  # fmt: skip
            self._resources.event_loop.call_soon(request.stop)
        return renewed.current

    def send_reports(self) -> None:
        """Send the reports of the event loop, in their order; one that cannot be sent stays first."""
        outbox = self._resources.outbox
        while True:
            try:
                command = outbox.get()
            except Empty:
                return
            try:
                self._recorder.run(command)
            except LedgerUnavailable:
                outbox.put_back(command)
                raise

    def release_blocked(self) -> None:
        """Release the jobs that wait behind a long plain one, which only the light pool has."""
        blocked = set(self._resources.light.withdraw() if self._resources.light else ())
        requests = [request for request in held_requests() if request.id in blocked]
        self._resources.release([request.ticket for request in requests])
        for request in requests:
            state.task_ready(request)

    # the end of the worker

    def watch_stop(self) -> None:
        """End the event loop of a worker that stops: when no job runs, or when the grace is over.

        The loop's thread may be busy for ever with a job's own code (solo), and then cannot end.
        """
        stop = self._resources.stop
        if not stop.has_begun or (held_requests() and stop.overdue_s < 0):
            return
        if stop.overdue_s > END_WITHIN_S:
            self.leave()
            self._end_now()
        state.should_stop = 0  # the exit status
        self._resources.event_loop.wake()

    def leave(self) -> None:
        """Release the attempts that this worker still holds, send the last reports, and sign off.

        With nothing to report there is one try: the ledger forgets this worker by itself.
        """
        with self._gate.lock:  # a tick that runs now would sign on again
            self._has_left = True
        self._resources.release([request.ticket for request in held_requests()])
        owes = not self._resources.outbox.is_empty or self._resources.claim_numbers.unread is not None
        self._resources.outbox.put(commands.clock.leave(self._resources.owner))
        give_up = time.monotonic() + (LEAVE_WITHIN_S if owes else 0)
        while True:
            try:
                self.send_reports()
                self.release_unread_claim()
            except LedgerUnusable:
                return  # this ledger does not hold the attempts of this worker
            except LedgerUnavailable as error:
                logger.warning("This worker ends and cannot reach the ledger: %s", error)
                if time.monotonic() > give_up:
                    return
                time.sleep(PAUSE_S)
            else:
                return

    def release_unread_claim(self) -> None:
        """Release the jobs of a claim whose reply was not read before the event loop ended."""
        numbers, after = self._resources.claim_numbers, ""
        while (number := numbers.unread) is not None:
            command = commands.attempts.release_claim(
                self._resources.owner, number, self._settings.retention, after
            )
            after = self._recorder.run(command).after
            if not after:
                numbers.settle(number)


class ForkGate:
    """A lock that every fork of this process waits for; free again in parent and child."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        os.register_at_fork(
            before=self.lock.acquire, after_in_parent=self.lock.release, after_in_child=self.lock.release
        )
