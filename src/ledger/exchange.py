"""Exchange batches of commands with Redis on one connection; knows scripts, and nothing of what they mean.

It is redis-py's connection without its pool and its packing of commands in Python: those cost more than all
else in a submit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from jobs.commands import Argument, Command, Reply
from jobs.errors import LedgerUnavailable

UNAVAILABLE = "The ledger cannot be reached or takes no writes; nothing is known to be stored. Try again."

#: Seconds for a connection's own round trips, about four of them.
HANDSHAKE_S = 4.0

logger = logging.getLogger("jobline.store")


class Asked:
    """Hold one command on its way, and the promise of its reply."""

    __slots__ = ("packed", "reply", "script")

    def __init__(self, command: Command[Any]) -> None:  # Any: a batch mixes commands of all types
        self.script = command.script
        self.packed = pack("EVALSHA", command.script.sha, 0, *command.args)
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply) -> None:
        """Hand over the reply; a Redis that refuses the write is out of order, whatever its reason."""
        if isinstance(reply, ResponseError):
            self.fail()
        elif not self.reply.done():
            self.reply.set_result(reply)

    def fail(self) -> None:
        """Say that no reply will come, unless one came."""
        if not self.reply.done():
            self.reply.set_exception(LedgerUnavailable(UNAVAILABLE))


class Lane:
    """Send one batch at a time, and read its replies."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._opening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Claim that the connection stands, and its handshake is over."""
        return self._opening is None and self._connection.is_connected

    async def open(self) -> None:
        """Wait for the connection; its handshake outlives a caller whose time is up, for the next one.

        Begun anew for each caller, it would never end where its round trips take longer than an answer may.
        """
        if self.is_open:
            return
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(self._opened)
        await asyncio.shield(self._opening)

    async def exchange(self, batch: Sequence[Asked]) -> list[Reply]:
        """Call the scripts of a batch in one round trip; an error that Redis replies stands in its place."""
        replies = await self._send_again([asked.packed for asked in batch])
        unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:  # a new server, or one that was restarted
            left = [batch[index] for index in unknown]
            await self._send([pack("SCRIPT", "LOAD", script.text) for script in {one.script for one in left}])
            for index, reply in zip(unknown, await self._send([one.packed for one in left]), strict=True):
                replies[index] = reply
        if refused := next((reply for reply in replies if isinstance(reply, ResponseError)), None):
            logger.error("the ledger refused a command: %s", refused)
        return replies

    async def close(self) -> None:
        """Close the connection."""
        if self._opening is not None:
            self._opening.cancel()
        await self._connection.disconnect(nowait=True)

    async def _send_again(self, packed: Sequence[bytes]) -> list[Reply]:
        try:
            return await self._send(packed)
        except (RedisConnectionError, OSError):  # a stale connection: once more, on a new one
            return await self._send(packed)

    async def _send(self, packed: Sequence[bytes]) -> list[Reply]:
        await self.open()
        replies: list[Reply] = []
        try:
            await self._connection.send_packed_command(packed, check_health=False)
            for _ in packed:
                try:
                    replies.append(await self._connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        except BaseException:
            # What is left unread would answer the next batch.
            await self._connection.disconnect(nowait=True)
            raise
        return replies

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await self._connection.connect()
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # those who wait were told


def pack(*words: Argument) -> bytes:
    """Write a command as Redis reads it, in C."""
    packed: bytes = pack_command(words)  # type: ignore[arg-type] # its stub has a tuple of one
    return packed
