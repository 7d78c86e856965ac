"""Tell waiting requests of their jobs' events: one subscription a process, however many wait.

A request that waits for a job registers here *before* it submits or reads with ``watcher=hub.name``; then
the scripts publish each of its events on this process's channel until the job ends. Nobody polls.

Nothing is missed: the channel is subscribed before the first watcher registers, and after a gap of the
subscription every waiter is told to read its job again (``RESYNC``). To a waiter a kind is news that the job
may have changed; the ledger is the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jobs import commands
from jobs.errors import LedgerUnavailable
from jobs.keys import Key
from jobs.record import Record
from ledger.address import keep_alive
from ledger.exchange import UNAVAILABLE
from ledger.store import ANSWER_S, Store

#: Told to every watcher after a gap of the subscription; no event of a job.
RESYNC = "resync"
FINAL = frozenset({"job.succeeded", "job.failed", "job.revoked", RESYNC})
#: How long to leave Redis alone after the subscription broke.
PAUSE_S = 0.5

logger = logging.getLogger("jobline.waiting")


class Hub:
    """Share one subscription among all requests of a process that wait for jobs."""

    def __init__(self, url: str, store: Store) -> None:
        self.name = secrets.token_hex(8)
        self._store = store
        # No read timeout: a silent channel is the usual case. Keepalive finds a peer that is gone.
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=None,
            socket_connect_timeout=1.0,
            **keep_alive(url),
            retry=Retry(NoBackoff(), 0),
        )
        self._watchers: dict[str, set[Watcher]] = {}
        self._subscribed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self.closing = Closing()
        self.closing.add(self.end_all)

    async def ready(self) -> None:
        """Return when the subscription stands; raises LedgerUnavailable when it does not in time."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        if not self._subscribed.is_set():
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._subscribed.wait()
            except TimeoutError:
                raise LedgerUnavailable(UNAVAILABLE) from None

    @contextmanager
    def watch(self, job_id: str) -> Iterator[Watch]:
        """Collect the kinds of a job's events while the block runs."""
        watch = Watch()
        self.attach(job_id, watch)
        try:
            yield watch
        finally:
            self.detach(job_id, watch)

    def attach(self, job_id: str, watcher: Watcher) -> None:
        """Tell a watcher of a job's events from now on."""
        self._watchers.setdefault(job_id, set()).add(watcher)
        if self.closing.is_set:
            watcher.end()

    def detach(self, job_id: str, watcher: Watcher) -> None:
        """Tell it no more."""
        left = self._watchers[job_id]
        left.discard(watcher)
        if not left:
            del self._watchers[job_id]

    async def wait_for_end(self, job_id: str, tenant: str, wait_s: float) -> Record:
        """Read a job, once it has ended or ``wait_s`` have passed; raises NotFound or Gone."""
        await self.ready()
        with self.watch(job_id) as watch:
            record = await self._store.run(commands.read_job(job_id, tenant, watcher=self.name))
            return await self.follow(watch, record, wait_s)

    async def follow(self, watch: Watch, record: Record, wait_s: float, *, note: bool = False) -> Record:
        """Go on from a record that was read while watching, until the job's end or ``wait_s`` later.

        With ``note``, the ledger notes a job that ended in time as answered.
        """
        read = partial(commands.read_job, record.id, record.tenant, note=note)
        if note and record.state.is_terminal:  # the submit was sent twice, and the job is quick
            return await self._store.run(read())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not record.state.is_terminal and (kind := await watch.next()):
                    if kind in FINAL:
                        record = await self._store.run(read(watcher=self.name))
                return record
        return await self._store.run(read())

    def tell_all(self, news: News) -> None:
        """Tell every watcher."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.hear(news)

    def end_all(self) -> None:
        """End every watch, as the process stops."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    async def close(self) -> None:
        """End the subscription."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        await self._redis.aclose()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(Key.TELL.of(self.name))
                    await self._hear(channel)
            except (RedisError, OSError) as error:
                logger.warning("the subscription broke: %s: %s", type(error).__name__, error)
            self._subscribed.clear()
            await asyncio.sleep(PAUSE_S)

    async def _hear(self, channel: PubSub) -> None:
        async for message in channel.listen():
            if message["type"] == "subscribe":
                self._subscribed.set()
                self.tell_all(News("", RESYNC, b""))
            elif message["type"] == "message":
                self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:  # Any: redis-py's own message
        job_id, _, text = message["data"].partition(b" ")
        watchers = self._watchers.get(job_id.decode())
        if watchers:
            news = News(job_id.decode(), text.split(b" ", 2)[1].decode(), text)
            for watcher in watchers:
                watcher.hear(news)


class News:
    """Hold one event as it was told: ``text`` is for `Event.read_told`; all its watchers share one object."""

    __slots__ = ("job_id", "kind", "shared", "text")

    def __init__(self, job_id: str, kind: str, text: bytes) -> None:
        self.job_id = job_id
        self.kind = kind
        self.text = text
        #: What the first watcher made of it, where the others would make the same.
        self.shared: Any = None  # Any: the watchers' own


class Watcher(Protocol):
    """Be told of one job's events."""

    def hear(self, news: News) -> None:
        """Take one event, or RESYNC."""

    def end(self) -> None:
        """Let the client go: the process stops."""


class Watch:
    """Queue the kinds of one job's events for one waiter."""

    __slots__ = ("_kinds", "_waiter")

    def __init__(self) -> None:
        # Not an asyncio.Queue: with ten thousand waiters its two kilobytes each are seen.
        self._kinds: list[str] = []
        self._waiter: asyncio.Future[None] | None = None

    def hear(self, news: News) -> None:
        """Add one kind."""
        self._add(news.kind)

    def end(self) -> None:
        """Let the waiter go."""
        self._add("")

    async def next(self) -> str:
        """Wait for the next kind; empty when the process stops."""
        while not self._kinds:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._kinds.pop(0)

    def _add(self, kind: str) -> None:
        self._kinds.append(kind)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Closing:
    """End all waits and streams at once; ``set`` may be called from a signal handler or another thread."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_set = False

    def add(self, end: Callable[[], None]) -> None:
        """Call ``end`` in the loop, when the process stops."""
        self._ends.append(end)

    def bind(self) -> None:
        """Note the loop that the waiters run in."""
        self._loop = asyncio.get_running_loop()

    def set(self) -> None:
        """Let every waiter go, those to come too."""
        self.is_set = True
        if self._loop is not None and not self._loop.is_closed():
            for end in self._ends:
                self._loop.call_soon_threadsafe(end)
