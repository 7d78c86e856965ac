"""The ledger for code that awaits: the service, and the light pool of the worker.

It is called a store because the service stores and reads jobs through it; `recorder.Recorder` is its
counterpart for code that blocks. One connection carries all commands of a process, see `exchange`. The first
command opens it, and so does the first command after it was lost.

A command is sent again when the connection is lost before the reply. The verbs that the service uses may run
twice: a job's id makes a second submit harmless. When Redis has not answered within ``ANSWER_S``, the caller
gets LedgerUnavailable.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, TypeVar

from redis.exceptions import RedisError

from jobline.domain.errors import LedgerUnavailable, LedgerUnusable
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.connect import Connector
from jobline.ledger.exchange import Exchange, Pending

T = TypeVar("T")

ANSWER_S = 1.5
#: Minimum time for a command after its connection was opened. If opening takes most of ANSWER_S, each new
#: connection would otherwise be closed as soon as it is open, for ever.
AFTER_OPENING_S = 0.5
#: Seconds in which a connection must be opened: about five round trips, the check of the version included.
HANDSHAKE_S = 4.0

logger = logging.getLogger("jobline.store")


class Store:
    """The commands of one process, over one connection."""

    def __init__(self, connector: Connector) -> None:
        self._scripts = connector.scripts
        self._connection = connector.awaiting_connection()
        self._exchange: Exchange | None = None
        self._opening: asyncio.Task[None] | None = None
        #: Commands that wait for a connection.
        self._waiting: list[Pending] = []
        self._deadline_timer: asyncio.TimerHandle | None = None

    async def run(self, command: Command[T]) -> T:
        """Run one command; raises LedgerUnavailable, and what the command's reader raises."""
        return command.read(await self.request(command))

    def request(self, command: Command[Any]) -> asyncio.Future[Reply]:  # Any: of whatever type
        """Send one command; return the future of its reply, which the command reads."""
        loop = asyncio.get_running_loop()
        pending = Pending(command, self._scripts[command.script], loop, loop.time() + ANSWER_S)
        self._send(pending)
        if self._deadline_timer is None:
            self._deadline_timer = loop.call_at(pending.deadline, self._fail_overdue)
        return pending.reply

    async def close(self) -> None:
        """Close the connection; pending commands raise LedgerUnavailable."""
        if self._opening is not None:
            self._opening.cancel()
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
        self._drop()
        await self._connection.disconnect(nowait=True)

    def _send(self, pending: Pending) -> None:
        if self._exchange is not None:
            self._exchange.send(pending)
            return
        self._waiting.append(pending)
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        """Open the connection for all commands that wait for it, and for those that come meanwhile.

        The handshake goes on when their time is over: on a slow network, a handshake for each command would
        never finish.
        """
        try:
            await self._connection.disconnect(nowait=True)  # the remains of the last one
            async with asyncio.timeout(HANDSHAKE_S):
                await self._connection.connect()
        except LedgerUnusable as error:
            logger.error("The service refuses the ledger: %s.", error)  # noqa: TRY400 - a traceback says no more
            self._drop(error)
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("The ledger cannot be reached: %s: %s", type(error).__name__, error)
            await self._connection.disconnect(nowait=True)
            self._drop()
        else:
            loop = asyncio.get_running_loop()
            self._exchange = Exchange(loop, self._resend)
            self._exchange.take_over(self._connection)
            waiting, self._waiting = self._waiting, []
            for pending in waiting:
                pending.deadline = max(pending.deadline, loop.time() + AFTER_OPENING_S)
                self._exchange.send(pending)
        finally:
            self._opening = None

    def _resend(self, exchange: Exchange, left: list[Pending]) -> None:
        """Send the unanswered commands once more, on a new connection: the old one may have been stale."""
        if exchange is self._exchange:
            self._exchange = None
        for pending in left:
            if pending.is_retry:
                pending.fail()
            else:
                pending.is_retry = True
                self._send(pending)

    def _fail_overdue(self) -> None:
        """Fail the commands past their deadline, and close the connection that did not answer them."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        oldest = self._exchange.oldest() if self._exchange else None
        if oldest is not None and oldest.deadline <= now:
            logger.warning("The ledger cannot be reached: no answer within %.1f s", ANSWER_S)
            self._drop()
        for pending in self._waiting:
            if pending.deadline <= now:
                pending.fail()
        self._waiting = [pending for pending in self._waiting if pending.deadline > now]
        oldest = self._exchange.oldest() if self._exchange else None
        next_ = min((one.deadline for one in (*self._waiting, oldest) if one), default=None)
        self._deadline_timer = None if next_ is None else loop.call_at(next_, self._fail_overdue)

    def _drop(self, error: LedgerUnavailable | None = None) -> None:
        """Fail every command without a reply, and close the connection."""
        waiting, self._waiting = self._waiting, []
        for pending in waiting:
            pending.fail(error)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abort()
