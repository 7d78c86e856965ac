"""The feed of all jobs' events, read as it grows: its stream, its entries, and where it was trimmed.

One process reads it once, for all who watch. `commands.read_feed` reads a part of it for one tenant instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisError

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.event import Entry, Position
from jobline.ledger.connect import Connector
from jobline.ledger.keys import Key

#: The most that one read returns; a full one means that there is more.
PAGE = 500
BLOCK_MS = 10_000
#: The position ahead of every entry.
BEGIN = b"0-0"


class FeedCut(Exception):
    """The feed was trimmed beyond the last entry that was read: events came faster than they were read."""


class FeedReader:
    """Reads entries in order, each once, on a connection of its own; raises LedgerUnavailable."""

    def __init__(self, connector: Connector) -> None:
        self._redis = connector.awaiting_client()
        self._layout = connector.layout
        self._feed = connector.layout.key(Key.FEED)
        self._last = BEGIN

    async def skip_to_end(self) -> None:
        """Read on from where the feed ends now."""
        with translated_errors():
            newest: Any = await self._redis.xrevrange(self._feed, count=1)
        self._last = newest[0][0] if newest else BEGIN

    async def read(self) -> list[Entry]:
        """Wait for the next entries, at most a page; none when none came in time. Raises FeedCut."""
        with translated_errors():
            entries = read_entries(await self._redis.xread({self._feed: self._last}, PAGE, BLOCK_MS))
            if len(entries) == PAGE and await self._is_cut():
                raise FeedCut
        if entries:
            self._last = entries[-1].id
        return entries

    async def read_results(self, job_ids: Sequence[bytes]) -> list[bytes | None]:
        """Read the results of jobs from their records; the feed does not have them."""
        if not job_ids:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hget(self._layout.key(Key.JOB, job_id.decode()), "result")
        with translated_errors():
            results: list[bytes | None] = await pipeline.execute()
        return results

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def _is_cut(self) -> bool:
        oldest: Any = await self._redis.xrange(self._feed, count=1)
        return bool(oldest) and self._last != BEGIN and position_of(oldest[0][0]) > position_of(self._last)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise LedgerUnavailable for whatever a connection raises."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(f"{type(error).__name__}: {error}") from error


def read_entries(reply: Any) -> list[Entry]:  # noqa: ANN401 - redis-py's own shape, which differs by protocol
    """Return the entries of the one stream that was read."""
    if not reply:
        return []
    entries = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
    return [Entry.read(id_, fields) for id_, fields in entries]


def position_of(id_: bytes) -> Position:
    """Return the position of a stream id in the order of all events."""
    return Position.read(id_.decode())
