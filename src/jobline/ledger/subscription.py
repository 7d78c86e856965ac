"""What the ledger publishes for one process: its channel, and the text of a message on it.

Each process that waits for jobs has a name and a channel. The scripts publish the events of every job there
that was submitted or read with ``subscriber=name``, until the job ends. A worker receives the ids of the jobs
that it should cancel.

`Subscription` awaits and calls back; `PolledSubscription` blocks its caller for at most a timeout. Both lose
messages while their connection is down: a caller reads its jobs again after each gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Self

from redis import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.domain.event import Event
from jobline.ledger.connect import Connector
from jobline.ledger.exchange import UNAVAILABLE
from jobline.ledger.keys import Key, Layout
from jobline.ledger.store import ANSWER_S

#: Seconds between the loss of a connection and the next try.
PAUSE_S = 0.5

logger = logging.getLogger("jobline.subscription")

#: Takes a job's id and one of its events, for `read_message`.
Tell = Callable[[str, bytes], None]


class Subscription:
    """One channel, read by a task of the event loop.

    ``resumed`` is called when the channel is subscribed, at first and after each gap; ``tell`` is called for
    each event.
    """

    def __init__(self, connector: Connector, name: str, *, resumed: Callable[[], None], tell: Tell) -> None:
        self._redis = connector.awaiting_client()
        self._channel = connector.layout.key(Key.CHANNEL, name)
        self._resumed = resumed
        self._tell = tell
        #: Set while the channel is subscribed, or the ledger refuses it.
        self._settled = asyncio.Event()
        self._refusal: LedgerUnusable | None = None
        self._reader: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Return when the channel is subscribed; raises LedgerUnavailable when it is not in time."""
        if self._reader is None or self._reader.done():
            self._settled.clear()
            self._reader = asyncio.create_task(self._read())
        if not self._settled.is_set():
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._settled.wait()
            except TimeoutError:
                raise LedgerUnavailable(UNAVAILABLE) from None
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)  # it is raised for each caller

    async def close(self) -> None:
        """End the subscription."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        await self._redis.aclose()

    async def _read(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._channel)
                    await self._read_messages(channel)
            except LedgerUnusable as error:
                self._settle(error)
            except (RedisError, OSError) as error:
                logger.warning("The subscription to the ledger broke: %s: %s", type(error).__name__, error)
                self._settled.clear()
            except Exception:  # every waiting client of this process depends on this task
                logger.exception("The subscription to the ledger failed and starts again.")
                self._settled.clear()
            await asyncio.sleep(PAUSE_S)

    async def _read_messages(self, channel: PubSub) -> None:
        async for message in channel.listen():
            if message["type"] == "subscribe":
                self._settle(None)
                self._resumed()
            elif message["type"] == "message":
                self._pass_on(message["data"])

    def _pass_on(self, message: bytes) -> None:
        """Tell one event; a message that no script published is logged, and the channel read on."""
        job_id, _, text = message.partition(b" ")
        try:
            self._tell(job_id.decode(), text)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            logger.warning("Skipped a damaged message on the channel: %s: %s", type(error).__name__, error)

    def _settle(self, refusal: LedgerUnusable | None) -> None:
        self._refusal = refusal
        self._settled.set()


def kind_of(text: bytes) -> str:
    """Return the type of an event as it was published."""
    return text.split(b" ", 2)[1].decode()


def read_message(text: bytes, job_id: str) -> Event:
    """Read an event as it was published."""
    id_, type_, partition, rest = text.split(b" ", 3)
    detail, _, result = rest.partition(b"\n")
    return Event.read(id_, type_, job_id, partition, detail, result)


class PolledSubscription:
    """One channel, read by its caller; as a context manager, it ends with the block.

    Its methods raise LedgerUnavailable.
    """

    def __init__(self, redis: Redis, layout: Layout, name: str) -> None:
        self._channel = layout.key(Key.CHANNEL, name)
        self._pubsub: Any = redis.pubsub(ignore_subscribe_messages=True)  # Any: redis-py leaves it untyped

    def poll(self, timeout_s: float = 0.0) -> str | None:
        """Return the next message, or None when none came in time.

        For a worker, a message is the id of a job to cancel.
        """
        self._subscribe()
        try:
            message = self._pubsub.get_message(timeout=timeout_s)
        except RedisError as error:
            raise LedgerUnavailable(f"subscription: {error}") from error
        return None if message is None else message["data"].decode()

    def __enter__(self) -> Self:
        self._subscribe()
        return self

    def __exit__(self, *_: object) -> None:
        self._pubsub.close()

    def _subscribe(self) -> None:
        if self._pubsub.subscribed:
            return
        try:
            self._pubsub.subscribe(self._channel)
        except RedisError as error:
            raise LedgerUnavailable(f"subscription: {error}") from error
