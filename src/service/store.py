"""Await commands: the one place of the service where Redis is spoken to.

One connection carries all commands of a process. While one batch is on its way, what arrives is gathered and
goes out together as the next: a busy process pipelines by itself, an idle one answers in one round trip. A
pool, with a connection a command, serves about half as many submits.

A command may be sent twice, when the connection drops before its reply: the verbs that the service uses are
safe to repeat, submit by the job's id. What Redis cannot do within ``ANSWER_S`` is LedgerUnavailable, never a
wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from jobs.commands import Command, Reply
from jobs.errors import LedgerUnavailable

T = TypeVar("T")

ANSWER_S = 1.5
#: The most commands in one batch: what Redis does in about 3 ms.
BATCH = 128
UNAVAILABLE = "The ledger cannot be reached or takes no writes; nothing is known to be stored. Try again."

logger = logging.getLogger("jobline.store")


class Store:
    """Run commands on one Redis, gathered into batches."""

    def __init__(self, url: str) -> None:
        # A stale connection is opened anew once, at once; every wait is bounded by ANSWER_S alone.
        retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        self._redis: Redis = Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=1.0, socket_keepalive=True, retry=retry
        )
        self._waiting: list[Asked] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable, and what the command's reader raises."""
        asked = Asked(command)
        self._waiting.append(asked)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return command.read(await asked.reply)

    async def close(self) -> None:
        """Close the connection; commands that wait for it end with LedgerUnavailable."""
        if self._sender is not None:
            self._sender.cancel()
        self._refuse(self._waiting)
        await self._redis.aclose()

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._exchange(batch)
        finally:
            self._sender = None
            self._refuse(self._waiting)

    async def _exchange(self, batch: Sequence[Asked]) -> None:
        """Send one batch and hand out its replies; when Redis is out of reach, those who wait fail too."""
        try:
            async with asyncio.timeout(ANSWER_S):
                replies = await self._evaluate(batch)
                unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if unknown:
                    left = [batch[index] for index in unknown]
                    await self._load(left)
                    for index, reply in zip(unknown, await self._evaluate(left), strict=True):
                        replies[index] = reply
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("the ledger cannot be reached: %s: %s", type(error).__name__, error)
            late, self._waiting = self._waiting, []
            self._refuse(late)
        else:
            for asked, reply in zip(batch, replies, strict=True):
                asked.answer(reply)
        finally:
            self._refuse(batch)

    async def _evaluate(self, batch: Sequence[Asked]) -> list[Reply]:
        """Call the scripts of a batch in one round trip; a script's own error stands in its place."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for asked in batch:
                pipe.execute_command("EVALSHA", asked.command.script.sha, 0, *asked.command.args)
            replies: list[Reply] = await pipe.execute(raise_on_error=False)
            return replies

    async def _load(self, batch: Sequence[Asked]) -> None:
        """Teach Redis the scripts of a batch: a new server, or one that was restarted."""
        for script in {asked.command.script for asked in batch}:
            await self._redis.script_load(script.text)

    @staticmethod
    def _refuse(batch: Sequence[Asked]) -> None:
        """Fail those that have no reply yet."""
        for asked in batch:
            asked.fail()


class Asked:
    """Hold one command on its way, and the promise of its reply."""

    __slots__ = ("command", "reply")

    def __init__(self, command: Command[Any]) -> None:  # Any: a batch mixes commands of all types
        self.command = command
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply) -> None:
        """Hand over the reply; a Redis that refuses the write is out of order, whatever its reason."""
        if self.reply.done():
            return
        if isinstance(reply, ResponseError):
            logger.error("the ledger refused %s: %s", self.command.script.name, reply)
            self.reply.set_exception(LedgerUnavailable(UNAVAILABLE))
        else:
            self.reply.set_result(reply)

    def fail(self) -> None:
        """Say that no reply will come."""
        if not self.reply.done():
            self.reply.set_exception(LedgerUnavailable(UNAVAILABLE))
