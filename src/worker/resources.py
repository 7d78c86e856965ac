"""What the parts of one worker share, built once by `app.build_celery` and carried by the Celery app."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from celery.exceptions import WorkerShutdown
from celery.worker import state

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.ledger.commands.attempts import Limits
from jobline.ledger.connect import Connector
from jobline.ledger.recorder import Recorder
from jobline.startup import MISCONFIGURED
from jobline.worker.claims import ClaimNumbers
from jobline.worker.event_loop import EventLoop
from jobline.worker.outbox import Outbox
from jobline.worker.outcome import Outcome, release, to_command
from jobline.worker.stop import PlannedStop
from jobline.worker.ticket import Ticket

if TYPE_CHECKING:  # the other pools do not load greenlet and uvloop
    from jobline.worker.light.loop import LightLoop

#: Seconds. An idle worker claims every second, and a lost connection is tried again every second.
CLAIM_WITHIN_S = 15.0

#: A worker with a free slot claims each two seconds at least. One whose claims are refused, or whose event
#: loop stands still, is no use to a queue, however well its other connections work.
UNABLE_AFTER_S = 10.0


@dataclass(eq=False, repr=False)
class Resources:
    """The registry, the settings, the way to the ledger, and this process's name as an owner of leases."""

    registry: Registry
    settings: Settings
    connector: Connector
    recorder: Recorder
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")
    outbox: Outbox = field(default_factory=Outbox)
    event_loop: EventLoop = field(default_factory=EventLoop)
    claim_numbers: ClaimNumbers = field(default_factory=ClaimNumbers)
    #: The tasks of this worker with jobs that another worker did not know and left; each tick renews them.
    unserved: tuple[str, ...] = ()
    #: Whether this worker stops; see `stop`.
    stop: PlannedStop = field(init=False)
    #: How many jobs the pool runs at once; set as the worker starts, 0 in a client.
    slots: int = 0
    #: When the ledger last answered a claim, on the monotonic clock; minus infinity after it refused one.
    last_reply: float = field(default_factory=time.monotonic)
    #: When the ledger last answered a claim of this process (`time.monotonic`).
    claimed_at: float = field(default_factory=time.monotonic)
    #: The light pool's loop; set by that pool as it starts.
    light: LightLoop | None = None

    def __post_init__(self) -> None:
        self.stop = PlannedStop(self.settings.stop_grace_s)

    @cached_property
    def limits(self) -> Limits:
        """How many jobs may run at once, per tenant and per task; 0 for tasks that cannot run here."""
        tasks = {task.name: task.max_running for task in self.registry if task.max_running is not None}
        return Limits(self.settings.tenant_max_running, tasks | dict.fromkeys(self.registry.unavailable, 0))

    @property
    def is_able(self) -> bool:
        """Whether this worker starts jobs: it runs as many as it can, or its claims are answered."""
        is_busy = len(state.reserved_requests) >= self.slots or (self.light and self.light.is_blocked())
        return bool(is_busy) or time.monotonic() - self.claimed_at < UNABLE_AFTER_S

    def decline(self, task: str) -> None:
        """Claim no more jobs of a task that this worker does not know: its limit is 0 here."""
        self.limits = Limits(self.limits.tenant, {**self.limits.tasks, task: 0})

    def claims(self, busy: int) -> bool:
        """Return whether the loop that claims jobs works. It is silent while there is no free slot."""
        return busy >= self.slots or time.monotonic() - self.last_reply < CLAIM_WITHIN_S

    def check_version(self) -> None:
        """Raise WorkerShutdown, after one line, if the ledger has another version.

        While Redis is unavailable there is nothing to check: the worker checks again when it connects.
        """
        try:
            self.recorder.check_version()
        except LedgerUnusable as error:
            sys.stderr.write(f"jobline: {error}\n")
            raise WorkerShutdown(MISCONFIGURED) from None
        except LedgerUnavailable:
            return

    def report(self, ticket: Ticket, outcome: Outcome) -> None:
        """Report to the ledger how an attempt ended, without waiting for it."""
        self.outbox.put(to_command(ticket, outcome, self.settings.retention))

    def release(self, tickets: Collection[Ticket]) -> None:
        """Report to the ledger that other workers may run these attempts, without waiting for it."""
        if tickets:
            self.outbox.put(release(tickets, self.settings.retention))


class ResourcesOption(str):
    """The resources as an option of the transport; a plain text for whatever prints or sends the options.

    Remote control sends all options as JSON (`celery inspect stats`, Flower).
    """

    __slots__ = ("resources",)
    resources: Resources

    @classmethod
    def of(cls, resources: Resources) -> ResourcesOption:
        """Return the option that carries these resources."""
        option = cls(resources.owner)
        option.resources = resources
        return option


def resources_of(app: Any) -> Resources:
    """Return the resources of an app that `build_celery` made."""
    found = app.resources
    assert isinstance(found, Resources)  # noqa: S101 - no other app is made of these parts
    return found
