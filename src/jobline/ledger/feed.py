"""The feed of all jobs' events, read as it grows.

A process reads each entry once, for all of its clients. `commands.events.read_feed` is the other way to read
the feed: a page of one tenant's events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.event import Event, Position
from jobline.ledger.commands.command import read_each
from jobline.ledger.connect import Connector
from jobline.ledger.keys import Key

#: Maximum number of entries of one read. A full page means that there are more.
PAGE = 500
BLOCK_MS = 10_000
#: The position before every entry.
BEGIN = b"0-0"


class FeedCut(Exception):
    """Entries were trimmed before they were read: events came faster than this process reads."""


class Entry(NamedTuple):
    """One entry of the feed; the scripts write all but its id in one field."""

    id: bytes
    type: bytes
    job_id: bytes
    partition: bytes
    batch: bytes
    detail: bytes

    @property
    def tenant(self) -> str:
        """The tenant of the job."""
        return self.partition.partition(b":")[0].decode()

    def as_event(self, result: bytes | None = None) -> Event:
        """Return the event, with the result that the record has."""
        return Event.read(self.id, self.type, self.job_id.decode(), self.partition, self.detail, result)


class FeedReader:
    """A cursor in the feed, with a connection of its own; its methods raise LedgerUnavailable."""

    def __init__(self, connector: Connector) -> None:
        self._redis = connector.awaiting_client()
        self._layout = connector.layout
        self._feed = connector.layout.key(Key.FEED)
        self._last = BEGIN

    async def skip_to_end(self) -> None:
        """Move the cursor to the present end of the feed."""
        with translated_errors():
            newest: Any = await self._redis.xrevrange(self._feed, count=1)
        self._last = newest[0][0] if newest else BEGIN

    async def read(self) -> list[Entry]:
        """Return the next entries, at most a page, or none after BLOCK_MS; raises FeedCut.

        Entries that no script wrote are logged and left out.
        """
        with translated_errors():
            found = unwrap(await self._redis.xread({self._feed: self._last}, PAGE, BLOCK_MS))
            if len(found) == PAGE and await self._is_cut():
                raise FeedCut
        if found:
            self._last = found[-1][0]
        return read_each(found, lambda entry: read_entry(*entry))

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
    """Raise LedgerUnavailable in place of every error of a connection."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(f"{type(error).__name__}: {error}") from error


def unwrap(reply: Any) -> list[Any]:  # noqa: ANN401 - redis-py's own shape, which differs by protocol
    """Return the entries of the one stream that was read: ids and fields."""
    if not reply:
        return []
    return list(next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1])


def read_entry(id_: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    """Read one entry of the stream; raises LookupError or ValueError for one that no script wrote."""
    type_, job_id, partition, batch, detail = fields[b"event"].split(b" ", 4)
    entry = Entry(id_, type_, job_id, partition, batch, detail)
    entry.as_event()
    return entry


def position_of(id_: bytes) -> Position:
    """Return the position of a stream id in the order of all events."""
    return Position.read(id_.decode())
