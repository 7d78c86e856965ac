"""What the parts of one worker share, built once by `app.build_celery` and carried by the Celery app."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from celery import Celery

from jobline.domain.registry import Registry
from jobline.domain.retention import Retention
from jobline.domain.settings import Settings
from jobline.ledger.commands.attempts import Limits
from jobline.ledger.commands.command import Command
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.worker.entry_points import WORKER
from jobline.worker.outbox import Outbox
from jobline.worker.outcome import Outcome, release, to_command
from jobline.worker.ticket import Ticket

#: The one tenant while access keys are off.
TENANT = "public"


class Loop:
    """Hold what the worker's event loop offers, once there is one; a client's stays empty."""

    def __init__(self) -> None:
        #: How many jobs the pool runs at once.
        self.capacity = 0
        self._hub: Any = None

    def attach(self, hub: Any) -> None:
        """Take the hub of a worker that starts."""
        self._hub = hub

    def call_soon(self, call: Callable[[], object]) -> None:
        """Call something on the event loop's thread, from any thread; wakes the loop."""
        if self._hub is not None:
            self._hub.call_soon(call)

    def nudge(self) -> None:
        """Let the loop look again at what it may do: a slot is free."""
        self.call_soon(nothing)


def nothing() -> None:
    """Do nothing, on the event loop."""


class Claims:
    """Number this worker's claims, and know the one whose reply is not read; connections come and go."""

    def __init__(self) -> None:
        self._count = 0
        #: The number of a claim that was sent and not read; no other is sent meanwhile.
        self.unread: int | None = None

    def send(self) -> int:
        """Give the number of the next claim, which counts as unread from now on."""
        self._count += 1
        self.unread = self._count
        return self._count


class Typical(Protocol):
    """Say who remembers how long the jobs of a task take."""

    def learn(self, task: str, took_s: float) -> None:
        """Take in one run."""


class Coroutines(Protocol):
    """Say what the pool of coroutines offers to the other parts; see `light`."""

    @property
    def typical(self) -> Typical:
        """Give what it remembers of the tasks."""

    def is_inside(self) -> bool:
        """Claim that the caller may wait on the loop."""

    def run(self, job_id: str, coroutine: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        """Run a job's coroutine to its end."""

    def tell(self, command: Command[Any], then: Callable[[Any], None]) -> None:
        """Run a command beside the job, which does not wait."""

    def later(self, wait_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call something on the loop, after a while; gives what cancels it."""

    def cancel(self, job_id: str) -> None:
        """Cancel a job's coroutine, from any thread."""

    def is_stuck(self) -> bool:
        """Claim that the pool should claim nothing more for now."""

    def take_back(self) -> list[str]:
        """Take out the jobs that wait behind a long one."""


@dataclass(eq=False, repr=False)
class Wiring:
    """Hold the registry, the settings, the way to the ledger, and this process's name as an owner."""

    registry: Registry
    settings: Settings
    connector: Connector
    recorder: Recorder
    #: Set by the pool of coroutines, in a worker that has it.
    light: Coroutines | None = None
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    outbox: Outbox = field(default_factory=Outbox)
    loop: Loop = field(default_factory=Loop)
    claims: Claims = field(default_factory=Claims)

    @cached_property
    def limits(self) -> Limits:
        """Say how many jobs may run at once."""
        tasks = {task.name: task.max_running for task in self.registry if task.max_running is not None}
        return Limits(self.settings.tenant_max_running, tasks)

    @cached_property
    def retention(self) -> Retention:
        """The TTLs of the settings."""
        return self.settings.retention

    def report(self, ticket: Ticket, outcome: Outcome) -> None:
        """Tell the ledger how an attempt ended, without waiting for it."""
        self.outbox.put(to_command(ticket, outcome, self.retention))

    def release(self, tickets: Collection[Ticket]) -> None:
        """Tell the ledger that other workers may run these attempts, without waiting for it."""
        if tickets:
            self.outbox.put(release(tickets, self.retention))


class JoblineCelery(Celery):
    """Be stock Celery, with the wiring at hand for transport, backend and bootsteps."""

    wiring: Wiring

    @cached_property
    def Worker(self) -> Any:  # noqa: N802 - Celery's own hook for the worker's class
        """Give the class of the worker program."""
        return self.subclass_with_self(WORKER)


def wiring_of(app: Any) -> Wiring:
    """Find the wiring of an app that `build_celery` made."""
    found = app.wiring
    assert isinstance(found, Wiring)  # noqa: S101 - an app built otherwise cannot reach this
    return found
