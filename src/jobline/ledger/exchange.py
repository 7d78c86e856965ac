"""One open connection to Redis, as a protocol of the loop's; knows scripts, and nothing of what they mean.

What is asked within one turn of the loop goes out together, and replies are handed out as they come: a busy
process pipelines by itself, an idle one answers in one round trip. redis-py makes the connection (its
address, its TLS, its handshake); its packing of commands in Python and its reader, a coroutine a reply, would
cost more than all else in a submit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from hiredis import PushNotification, Reader, ReplyError, pack_command
from redis.asyncio.connection import AbstractConnection

from jobline.domain.errors import LedgerUnavailable
from jobline.ledger.commands.command import Argument, Command, Reply

UNAVAILABLE = "The ledger cannot be reached or takes no writes; nothing is known to be stored. Try again."
#: What hiredis gives where no whole reply has come; its own word, False, is a reply too.
NOTHING = object()

#: Commands that go out before the turn of the loop is over: Redis works on them while the process makes more.
#: All of a turn in one write, the two would wait for one another by turns, a third of their time.
ENOUGH = 16

logger = logging.getLogger("jobline.store")


class Asked:
    """Hold one command on its way, the promise of its reply, and when that is due by the loop's clock."""

    __slots__ = ("command", "due", "is_again", "packed", "reply")

    def __init__(
        self, command: Command[Any], loop: asyncio.AbstractEventLoop, due: float
    ) -> None:  # Any: of any type
        self.command = command
        self.due = due
        self.is_again = False
        self.packed = pack("EVALSHA", command.script.sha, 0, *command.args)
        self.reply: asyncio.Future[Reply] = loop.create_future()

    def answer(self, reply: Reply) -> None:
        """Hand over the reply, if somebody still waits."""
        if not self.reply.done():
            self.reply.set_result(reply)

    def fail(self) -> None:
        """Say that no reply will come, unless one came."""
        if not self.reply.done():
            self.reply.set_exception(LedgerUnavailable(UNAVAILABLE))


class Exchange(asyncio.Protocol):
    """Send commands, read their replies in order; ``lost`` gets what has none when the connection ends."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lost: Callable[[Exchange, list[Asked]], None]
    ) -> None:
        self._loop = loop
        self._lost = lost
        self._reader = Reader(notEnoughData=NOTHING)
        self._unsent: list[Asked] = []
        self._sent: deque[Asked] = deque()
        self._transport: asyncio.WriteTransport | None = None

    def take_over(self, connection: AbstractConnection) -> None:
        """Read and write in redis-py's place, once its handshake is over.

        Private name used, and only here: ``_writer``, for its transport; redis-py has no other way to it.
        ``tests/ledger/test_store.py`` fails when it is renamed.
        """
        transport = connection._writer.transport  # type: ignore[union-attr] # noqa: SLF001 - see above
        self._transport = transport
        transport.set_protocol(self)

    def ask(self, asked: Asked) -> None:
        """Send a command with others of this turn of the loop."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(asked)
        if len(self._unsent) >= ENOUGH:
            self._flush()

    def oldest(self) -> Asked | None:
        """Give the command that waits longest."""
        return self._sent[0] if self._sent else self._unsent[0] if self._unsent else None

    def abort(self) -> None:
        """Drop the connection; who waits is told, and what was asked is not sent again."""
        for asked in self._take():
            asked.fail()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not NOTHING:
            if isinstance(reply, PushNotification):
                continue
            asked = self._sent.popleft()
            if isinstance(reply, ReplyError):
                self._refuse(asked, reply)
            else:
                asked.answer(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._lost(self, self._take())

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and unsent:
            self._sent.extend(unsent)
            self._transport.write(b"".join([asked.packed for asked in unsent]))

    def _refuse(self, asked: Asked, error: ReplyError) -> None:
        """Teach Redis a script that it does not know: a new server, or one that was restarted.

        A Redis that refuses the write is out of order, whatever its reason.
        """
        script = asked.command.script
        if str(error).startswith("NOSCRIPT"):
            asked.packed = pack("EVAL", script.text, 0, *asked.command.args)
            self.ask(asked)
        else:
            logger.error("the ledger refused %s: %s", script.name, error)
            asked.fail()

    def _take(self) -> list[Asked]:
        left = [*self._sent, *self._unsent]
        self._sent.clear()
        self._unsent.clear()
        return left


def pack(*words: Argument) -> bytes:
    """Write a command as Redis reads it, in C."""
    packed: bytes = pack_command(words)  # type: ignore[arg-type] # its stub has a tuple of one
    return packed
