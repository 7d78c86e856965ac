"""Tell waiting requests of their jobs' events: one subscription a process, however many wait.

A request that waits for a job registers here *before* it submits or reads with ``watcher=hub.name``; then
the scripts publish ``<job id> <event id> <event type> …`` on this process's channel. Nobody polls.

Nothing is missed: the channel is subscribed before the first watcher registers, and after a gap of the
subscription every waiter is told to read its job again (``RESYNC``). To a waiter a kind is news that the job
may have changed; the ledger is the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jobs import commands
from jobs.errors import LedgerUnavailable
from jobs.keys import Key
from jobs.record import Record
from service.exchange import UNAVAILABLE
from service.store import ANSWER_S, Store

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
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._watches: dict[str, set[Watch]] = {}
        self._subscribed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self.closing = Closing(self)

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
        self._watches.setdefault(job_id, set()).add(watch)
        if self.closing.is_set:
            watch.end()
        try:
            yield watch
        finally:
            left = self._watches[job_id]
            left.discard(watch)
            if not left:
                del self._watches[job_id]

    async def wait_for_end(self, job_id: str, tenant: str, wait_s: float) -> Record:
        """Read a job, once it has ended or ``wait_s`` have passed; raises NotFound or Gone."""
        await self.ready()
        with self.watch(job_id) as watch:
            record = await self._store.run(commands.read_job(job_id, tenant, watcher=self.name))
            return await self.follow(watch, record, wait_s)

    async def follow(self, watch: Watch, record: Record, wait_s: float) -> Record:
        """Go on from a record that was read while watching, until the job's end or ``wait_s`` later."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not record.state.is_terminal and (kind := await watch.next()):
                    if kind in FINAL:
                        command = commands.read_job(record.id, record.tenant, watcher=self.name)
                        record = await self._store.run(command)
                return record
        return await self._store.run(commands.read_job(record.id, record.tenant))

    def tell_all(self, kind: str) -> None:
        """Tell every watch."""
        for watches in self._watches.values():
            for watch in watches:
                watch.tell(kind)

    def end_all(self) -> None:
        """End every watch, as the process stops."""
        for watches in self._watches.values():
            for watch in watches:
                watch.end()

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
                self.tell_all(RESYNC)
            elif message["type"] == "message":
                self._tell(message)

    def _tell(self, message: dict[str, Any]) -> None:  # Any: redis-py's own message
        job_id, _, kind, _ = message["data"].split(b" ", 3)
        for watch in self._watches.get(job_id.decode(), ()):
            watch.tell(kind.decode())


class Watch:
    """Queue the kinds of one job's events for one waiter."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: asyncio.Queue[str] = asyncio.Queue()

    def tell(self, kind: str) -> None:
        """Add one kind."""
        self._kinds.put_nowait(kind)

    def end(self) -> None:
        """Let the waiter go."""
        self._kinds.put_nowait("")

    async def next(self) -> str:
        """Wait for the next kind; empty when the process stops."""
        return await self._kinds.get()


class Closing:
    """End all waits at once; ``set`` may be called from a signal handler or another thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_set = False

    def bind(self) -> None:
        """Note the loop that the waiters run in."""
        self._loop = asyncio.get_running_loop()

    def set(self) -> None:
        """Let every waiter go, those to come too."""
        self.is_set = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hub.end_all)
