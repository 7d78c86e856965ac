"""Await commands: the one place of the service where the ledger is spoken to.

One connection carries all commands of a process, see `exchange`. It is opened when the first command comes,
and anew when one comes after it was lost.

A command may be sent twice, when the connection drops before its reply: the verbs that the service uses are
safe to repeat, submit by the job's id. What Redis cannot do within ``ANSWER_S`` is LedgerUnavailable, never a
wait.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jobline.ledger.address import keep_alive
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.exchange import Asked, Exchange

T = TypeVar("T")

ANSWER_S = 1.5
#: What a command may take at least after its connection was opened: where that takes most of ANSWER_S, a
#: connection would otherwise be dropped as soon as it stands, for ever.
AFTER_OPENING_S = 0.5
#: Seconds for a connection's own round trips, about four of them.
HANDSHAKE_S = 4.0

logger = logging.getLogger("jobline.store")


class Store:
    """Run commands on one Redis, over one connection."""

    def __init__(self, url: str) -> None:
        # No timeouts of single reads: ANSWER_S bounds each command as a whole.
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=None,
            socket_connect_timeout=1.0,
            **keep_alive(url),
            retry=Retry(NoBackoff(), 0),
        )
        self._connection = pool.make_connection()
        self._exchange: Exchange | None = None
        self._opening: asyncio.Task[None] | None = None
        #: What was asked while no connection stands.
        self._waiting: list[Asked] = []
        self._look_out: asyncio.TimerHandle | None = None

    async def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable, and what the command's reader raises."""
        return command.read(await self.ask(command))

    def ask(self, command: Command[Any]) -> asyncio.Future[Reply]:  # Any: of whatever type
        """Send one command, and give its reply to come, which the command reads; or LedgerUnavailable."""
        loop = asyncio.get_running_loop()
        asked = Asked(command, loop, loop.time() + ANSWER_S)
        self._send(asked)
        if self._look_out is None:
            self._look_out = loop.call_at(asked.due, self._refuse_overdue)
        return asked.reply

    async def close(self) -> None:
        """Close the connection; commands that wait for it end with LedgerUnavailable."""
        if self._opening is not None:
            self._opening.cancel()
        if self._look_out is not None:
            self._look_out.cancel()
        self._drop()
        await self._connection.disconnect(nowait=True)

    def _send(self, asked: Asked) -> None:
        if self._exchange is not None:
            self._exchange.ask(asked)
            return
        self._waiting.append(asked)
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        """Open the connection for all who wait, come meanwhile, or come after these gave up.

        Begun anew for each, a handshake would never end where its round trips take longer than an answer may.
        """
        try:
            await self._connection.disconnect(nowait=True)  # what is left of the last one
            async with asyncio.timeout(HANDSHAKE_S):
                await self._connection.connect()
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("the ledger cannot be reached: %s: %s", type(error).__name__, error)
            await self._connection.disconnect(nowait=True)
            self._drop()
        else:
            loop = asyncio.get_running_loop()
            self._exchange = Exchange(loop, self._lost)
            self._exchange.take_over(self._connection)
            waiting, self._waiting = self._waiting, []
            for asked in waiting:
                asked.due = max(asked.due, loop.time() + AFTER_OPENING_S)
                self._exchange.ask(asked)
        finally:
            self._opening = None

    def _lost(self, exchange: Exchange, left: list[Asked]) -> None:
        """Ask once more, on a new connection, what has no reply: the old one may have been stale."""
        if exchange is self._exchange:
            self._exchange = None
        for asked in left:
            if asked.is_again:
                asked.fail()
            else:
                asked.is_again = True
                self._send(asked)

    def _refuse_overdue(self) -> None:
        """Give up what has waited too long, and the connection that let it wait."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        oldest = self._exchange.oldest() if self._exchange else None
        if oldest is not None and oldest.due <= now:
            logger.warning("the ledger cannot be reached: no answer within %.1f s", ANSWER_S)
            self._drop()
        for asked in self._waiting:
            if asked.due <= now:
                asked.fail()
        self._waiting = [asked for asked in self._waiting if asked.due > now]
        oldest = self._exchange.oldest() if self._exchange else None
        due = min((asked.due for asked in (*self._waiting, oldest) if asked), default=None)
        self._look_out = None if due is None else loop.call_at(due, self._refuse_overdue)

    def _drop(self) -> None:
        """Fail whoever waits, and let go of the connection."""
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            asked.fail()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abort()
