"""The events of single jobs, for waiting clients: one subscription a process, however many clients wait.

A request that waits for a job subscribes here *before* it submits or reads the job with
``subscriber=dispatcher.name``. From then on, the scripts publish each event of the job on this process's
channel until the job ends. Nobody polls.

No event is missed: the channel is subscribed before the first client is, and after a gap of the subscription
every subscriber is asked to read its job again (``RESYNC``). A notification only says that the job may have
changed; the ledger is the truth.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Protocol

from jobline.domain.record import Record
from jobline.ledger.connect import Connector
from jobline.ledger.subscription import Subscription, kind_of
from jobline.service.events.frames import Frame
from jobline.service.server.shutdown import Shutdown

#: Sent to every subscriber after a gap of the subscription. Not an event of a job.
RESYNC = "resync"
#: Sent to every subscriber when the process begins to stop: end the response, so that the client reconnects.
CLOSING = "closing"


class Dispatcher:
    """The subscribers of each job, fed by one subscription."""

    def __init__(self, connector: Connector, shutdown: Shutdown) -> None:
        self.name = secrets.token_hex(8)
        self._subscription = Subscription(
            connector, self.name, resumed=lambda: self.notify_all(RESYNC), tell=self._notify
        )
        self._subscribers: dict[str, set[Subscriber]] = {}
        self._shutdown = shutdown
        shutdown.add_callback(lambda: self.notify_all(CLOSING))

    async def ready(self) -> None:
        """Wait until the channel is subscribed; raises LedgerUnavailable if that takes too long."""
        await self._subscription.ready()

    def subscribe(self, job_id: str, subscriber: Subscriber) -> None:
        """Notify a subscriber of a job's events from now on."""
        self._subscribers.setdefault(job_id, set()).add(subscriber)
        if self._shutdown.has_begun:
            subscriber.notify(Notification(job_id, CLOSING, b""))

    def unsubscribe(self, job_id: str, subscriber: Subscriber) -> None:
        """End a subscription."""
        subscribers = self._subscribers[job_id]
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[job_id]

    def notify_all(self, kind: str) -> None:
        """Notify every subscriber of every job."""
        for job_id, subscribers in self._subscribers.items():
            notification = Notification(job_id, kind, b"")
            for subscriber in subscribers:
                subscriber.notify(notification)

    async def close(self) -> None:
        """End the subscription."""
        await self._subscription.close()

    def _notify(self, job_id: str, text: bytes) -> None:
        subscribers = self._subscribers.get(job_id)
        if subscribers:
            notification = Notification(job_id, kind_of(text), text)
            for subscriber in subscribers:
                subscriber.notify(notification)


class Notification:
    """One event as published, shared by all subscribers of the job; ``text`` is for `read_message`."""

    __slots__ = ("frame", "job_id", "kind", "readings", "text")

    def __init__(self, job_id: str, kind: str, text: bytes) -> None:
        self.job_id = job_id
        self.kind = kind
        self.text = text
        #: The event as the first stream wrote it, for all streams.
        self.frame: Frame | None = None
        #: The job as the first waiting client of a tenant reads it, for all of that tenant: an id may be
        #: known to others, who must not decide what the owner is answered.
        self.readings: dict[str, asyncio.Task[Record]] = {}


class Subscriber(Protocol):
    """A receiver of one job's events."""

    def notify(self, notification: Notification) -> None:
        """Handle one event, RESYNC or CLOSING."""
