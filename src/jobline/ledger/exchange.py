"""One open connection to Redis as an asyncio protocol; it sends scripts and does not know what they mean.

Commands of one turn of the event loop are sent together, and replies are handed out as they arrive: a busy
process pipelines without effort, and an idle one is answered in one round trip. redis-py opens the connection
(address, TLS, handshake) and is not used after that: its packing of commands in Python, and its reader with
one coroutine a reply, would cost more than the rest of a submit.
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
from jobline.ledger.scripts import Compiled

UNAVAILABLE = "The ledger cannot be reached or takes no writes; nothing is known to be stored. Try again."
#: What hiredis returns while a reply is incomplete; its default, False, is also a reply.
INCOMPLETE = object()

#: So many commands are sent before the turn of the loop ends: Redis runs them while the process packs more.
#: With one write a turn, Redis and the process would wait for each other a third of the time.
SEND_AT = 16

logger = logging.getLogger("jobline.store")


class Pending:
    """A command without a reply yet, the future of its reply, and its deadline by the loop's clock."""

    __slots__ = ("args", "deadline", "is_retry", "packed", "reply", "script")

    def __init__(
        self,
        command: Command[Any],  # Any: of any type
        script: Compiled,
        loop: asyncio.AbstractEventLoop,
        deadline: float,
    ) -> None:
        self.script = script
        self.args = command.args
        self.deadline = deadline
        self.is_retry = False
        self.packed = pack("EVALSHA", script.sha, 0, *command.args)
        self.reply: asyncio.Future[Reply] = loop.create_future()

    def answer(self, reply: Reply) -> None:
        """Set the reply, unless its caller has gone."""
        if not self.reply.done():
            self.reply.set_result(reply)

    def fail(self, error: LedgerUnavailable | None = None) -> None:
        """Raise LedgerUnavailable, or the error, for the caller that waits for the reply."""
        if not self.reply.done():
            self.reply.set_exception(error or LedgerUnavailable(UNAVAILABLE))


class Exchange(asyncio.Protocol):
    """Commands on their way and their replies, matched in order.

    ``lost`` is called with the unanswered ones when the connection ends.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lost: Callable[[Exchange, list[Pending]], None]
    ) -> None:
        self._loop = loop
        self._lost = lost
        self._reader = Reader(notEnoughData=INCOMPLETE)
        self._unsent: list[Pending] = []
        self._sent: deque[Pending] = deque()
        self._transport: asyncio.WriteTransport | None = None

    def take_over(self, connection: AbstractConnection) -> None:
        """Read from and write to a connection in place of redis-py, after its handshake.

        Uses a private name of redis-py, here alone: ``_writer``, for its transport, which has no public form.
        ``tests/ledger/test_store.py`` fails when it is renamed.
        """
        transport = connection._writer.transport  # type: ignore[union-attr] # noqa: SLF001 - see above
        self._transport = transport
        transport.set_protocol(self)

    def send(self, pending: Pending) -> None:
        """Send a command together with others of this turn of the loop."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(pending)
        if len(self._unsent) >= SEND_AT:
            self._flush()

    def oldest(self) -> Pending | None:
        """Return the command that has waited longest."""
        return self._sent[0] if self._sent else self._unsent[0] if self._unsent else None

    def abort(self) -> None:
        """Close the connection and fail every pending command; none is sent again."""
        for pending in self._take():
            pending.fail()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not INCOMPLETE:
            if isinstance(reply, PushNotification):
                continue
            pending = self._sent.popleft()
            if isinstance(reply, ReplyError):
                self._refuse(pending, reply)
            else:
                pending.answer(reply)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._lost(self, self._take())

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and unsent:
            self._sent.extend(unsent)
            self._transport.write(b"".join([pending.packed for pending in unsent]))

    def _refuse(self, pending: Pending, error: ReplyError) -> None:
        """Send the script's text where Redis does not have it: the server is new, or was restarted.

        Any other refusal means that Redis is out of order, whatever its reason.
        """
        script = pending.script
        if str(error).startswith("NOSCRIPT"):
            pending.packed = pack("EVAL", script.text, 0, *pending.args)
            self.send(pending)
        else:
            logger.error("the ledger refused %s: %s", script.name, error)
            pending.fail()

    def _take(self) -> list[Pending]:
        left = [*self._sent, *self._unsent]
        self._sent.clear()
        self._unsent.clear()
        return left


def pack(*words: Argument) -> bytes:
    """Return a command in the wire format of Redis; written in C."""
    packed: bytes = pack_command(words)  # type: ignore[arg-type] # its stub has a tuple of one
    return packed
