"""Tell waiting requests of their jobs' events: one subscription a process, however many wait.

A request that waits for a job registers here *before* it submits or reads with ``watcher=hub.name``; then
the scripts publish each of its events on this process's channel until the job ends. Nobody polls.

Nothing is missed: the channel is subscribed before the first watcher registers, and after a gap of the
subscription every waiter is told to read its job again (``RESYNC``). To a waiter a kind is news that the job
may have changed; the ledger is the truth.
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

#: Told to every watcher after a gap of the subscription; no event of a job.
RESYNC = "resync"
#: Told to every watcher as the process stops: let the client go, to come again elsewhere.
CLOSING = "closing"


class Hub:
    """Share one subscription among all requests of a process that wait for jobs."""

    def __init__(self, connector: Connector) -> None:
        self.name = secrets.token_hex(8)
        self._subscription = Subscription(
            connector, self.name, resumed=lambda: self.tell_all(RESYNC), tell=self._tell
        )
        self._watchers: dict[str, set[Watcher]] = {}
        self.shutdown = Shutdown()
        self.shutdown.add_callback(self.end_all)

    async def ready(self) -> None:
        """Return when the subscription stands; raises LedgerUnavailable when it does not in time."""
        await self._subscription.ready()

    def attach(self, job_id: str, watcher: Watcher) -> None:
        """Tell a watcher of a job's events from now on."""
        self._watchers.setdefault(job_id, set()).add(watcher)
        if self.shutdown.has_begun:
            watcher.hear(News(job_id, CLOSING, b""))

    def detach(self, job_id: str, watcher: Watcher) -> None:
        """Tell it no more."""
        left = self._watchers[job_id]
        left.discard(watcher)
        if not left:
            del self._watchers[job_id]

    def tell_all(self, kind: str) -> None:
        """Tell every watcher the same; those of one job share their news, too."""
        for job_id, watchers in self._watchers.items():
            news = News(job_id, kind, b"")
            for watcher in watchers:
                watcher.hear(news)

    def end_all(self) -> None:
        """Let every client go, as the process stops."""
        self.tell_all(CLOSING)

    async def close(self) -> None:
        """End the subscription."""
        await self._subscription.close()

    def _tell(self, job_id: str, text: bytes) -> None:
        watchers = self._watchers.get(job_id)
        if watchers:
            news = News(job_id, kind_of(text), text)
            for watcher in watchers:
                watcher.hear(news)


class News:
    """Hold one event as it was told: ``text`` is for `Event.read_told`; all its watchers share one object."""

    __slots__ = ("frame", "job_id", "kind", "reading", "text")

    def __init__(self, job_id: str, kind: str, text: bytes) -> None:
        self.job_id = job_id
        self.kind = kind
        self.text = text
        #: What the first stream made of it for all.
        self.frame: Frame | None = None
        #: The job, as the first waiter reads it for all.
        self.reading: asyncio.Task[Record] | None = None


class Watcher(Protocol):
    """Be told of one job's events."""

    def hear(self, news: News) -> None:
        """Take one event, RESYNC or CLOSING."""
