"""Await commands: the one place of the service where the ledger is spoken to.

Two connections carry all commands of a process. While their batches are on the way, what arrives is gathered
and goes out together as the next one: a busy process pipelines by itself, an idle one answers in one round
trip. With one connection the process and Redis would wait for one another in turn.

A command may be sent twice, when the connection drops before its reply: the verbs that the service uses are
safe to repeat, submit by the job's id. What Redis cannot do within ``ANSWER_S`` is LedgerUnavailable, never a
wait.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jobs.commands import Command
from ledger.exchange import Asked, Lane

T = TypeVar("T")

ANSWER_S = 1.5
#: What an exchange may take at least after its connection was opened: where that takes most of ANSWER_S, a
#: connection would otherwise be dropped as soon as it stands, for ever.
AFTER_OPENING_S = 0.5
#: The most commands in one batch: about 10 ms of work for Redis.
BATCH = 128
LANES = 2

logger = logging.getLogger("jobline.store")


class Store:
    """Run commands on one Redis, gathered into batches."""

    def __init__(self, url: str) -> None:
        # No timeouts of single reads: ANSWER_S bounds the whole exchange, and each costs on every reply.
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=None,
            socket_connect_timeout=1.0,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._lanes = [Lane(pool.make_connection()) for _ in range(LANES)]
        self._idle = list(self._lanes)
        self._waiting: list[Asked] = []
        self._senders: set[asyncio.Task[None]] = set()

    async def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable, and what the command's reader raises."""
        asked = Asked(command)
        self._waiting.append(asked)
        if self._idle:
            sender = asyncio.create_task(self._send_all(self._idle.pop()))
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return command.read(await asked.reply)

    async def close(self) -> None:
        """Close the connections; commands that wait for them end with LedgerUnavailable."""
        for sender in self._senders:
            sender.cancel()
        self._refuse_waiting()
        for lane in self._lanes:
            await lane.close()

    async def _send_all(self, lane: Lane) -> None:
        """Send batch after batch while there is something to send."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._send(lane, batch)
        except BaseException:
            self._refuse_waiting()
            raise
        finally:
            self._idle.append(lane)

    async def _send(self, lane: Lane, batch: list[Asked]) -> None:
        """Hand out the replies to one batch; when Redis is out of reach, those who wait fail with it."""
        try:
            async with asyncio.timeout(ANSWER_S) as patience:
                if not lane.is_open:
                    await lane.open()
                    left_at = asyncio.get_running_loop().time() + AFTER_OPENING_S
                    patience.reschedule(max(left_at, patience.when() or 0.0))
                replies = await lane.exchange(batch)
            for asked, reply in zip(batch, replies, strict=True):
                asked.answer(reply)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("the ledger cannot be reached: %s: %s", type(error).__name__, error)
            self._refuse_waiting()
        finally:
            for asked in batch:
                asked.fail()

    def _refuse_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            asked.fail()
