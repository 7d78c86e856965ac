"""Read the feed of all jobs' events, once for all who watch it, and only while somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from jobline.domain.event import Entry, EventType, Position
from jobline.ledger.address import keep_alive
from jobline.ledger.keys import Key
from jobline.service.events.stream import Stream, Write

#: What one read gives at most; a full one means that more waits.
BATCH = 500
BLOCK_MS = 10_000
#: How long to leave Redis alone after the connection broke.
PAUSE_S = 0.5
SUCCEEDED = EventType.SUCCEEDED.encode()

logger = logging.getLogger("jobline.events")


class Feed:
    """Tell the streams of each tenant what happens to its jobs."""

    def __init__(self, url: str, write: Write) -> None:
        # No read timeout: XREAD waits. Keepalive finds a peer that is gone.
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=None,
            socket_connect_timeout=1.0,
            **keep_alive(url),
            retry=Retry(NoBackoff(), 0),
        )
        self._write = write
        self._streams: dict[str, set[Stream]] = {}
        self._batches: dict[str, set[Stream]] = {}
        self._reader: asyncio.Task[None] | None = None

    def attach(self, tenant: str, stream: Stream) -> None:
        """Tell a stream of a tenant's events; it is told to catch up where the reading begins."""
        self._attach(self._streams, tenant, stream)

    def detach(self, tenant: str, stream: Stream) -> None:
        """Tell it no more; without anybody, the reading ends."""
        self._detach(self._streams, tenant, stream)

    def attach_batch(self, batch: str, stream: Stream) -> None:
        """Tell a stream to catch up whenever something happens to a batch: the script knows its end."""
        self._attach(self._batches, batch, stream)

    def detach_batch(self, batch: str, stream: Stream) -> None:
        """Tell it no more."""
        self._detach(self._batches, batch, stream)

    def _attach(self, streams: dict[str, set[Stream]], name: str, stream: Stream) -> None:
        streams.setdefault(name, set()).add(stream)
        if self._reader is None:
            self._reader = asyncio.create_task(self._run())

    def _detach(self, streams: dict[str, set[Stream]], name: str, stream: Stream) -> None:
        left = streams[name]
        left.discard(stream)
        if not left:
            del streams[name]
        if self._reader is not None and not self._streams and not self._batches:
            self._reader.cancel()
            self._reader = None

    async def close(self) -> None:
        """End the reading."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            try:
                await self._read_on()
            except (RedisError, OSError) as error:
                logger.warning("the feed cannot be read: %s: %s", type(error).__name__, error)
                await asyncio.sleep(PAUSE_S)

    async def _read_on(self) -> None:
        """Tell what happens from now on; before, streams are sent to read for themselves what they missed."""
        last = await self._find_end()
        self._resync()
        while True:
            reply = await self._redis.xread({Key.FEED.of(): last}, count=BATCH, block=BLOCK_MS)
            entries = read_entries(reply)
            if not entries:
                continue
            if len(entries) == BATCH and await self._is_cut(last):
                return
            last = entries[-1].id
            await self._tell(entries)

    async def _find_end(self) -> bytes:
        newest: Any = await self._redis.xrevrange(Key.FEED.of(), count=1)
        return newest[0][0] if newest else b"0-0"

    async def _is_cut(self, last: bytes) -> bool:
        """Claim that the feed was trimmed beyond what was read: events came faster than they were told."""
        oldest: Any = await self._redis.xrange(Key.FEED.of(), count=1)
        return bool(oldest) and last != b"0-0" and position_of(oldest[0][0]) > position_of(last)

    def _resync(self) -> None:
        for streams in (*self._streams.values(), *self._batches.values()):
            for stream in streams:
                stream.fall_behind()

    async def _tell(self, entries: Sequence[Entry]) -> None:
        """Hand out events of the tenants that are watched."""
        for batch in {entry.batch.decode() for entry in entries}:
            for stream in self._batches.get(batch, ()):
                stream.fall_behind()
        wanted = [entry for entry in entries if entry.tenant in self._streams]
        results = iter(await self._read_results([one.job_id for one in wanted if one.type == SUCCEEDED]))
        for entry in wanted:
            frame = self._write(entry.as_event(next(results) if entry.type == SUCCEEDED else None))
            for stream in self._streams.get(entry.tenant, ()):
                stream.tell(frame)

    async def _read_results(self, job_ids: Sequence[bytes]) -> list[bytes | None]:
        """Read results, which stand in the records alone."""
        if not job_ids:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hget(Key.JOB.of(job_id.decode()), "result")
        results: list[bytes | None] = await pipeline.execute()
        return results


def read_entries(reply: Any) -> list[Entry]:  # noqa: ANN401 - redis-py's own shape, which differs by protocol
    """Give the entries of the one stream that was read."""
    if not reply:
        return []
    entries = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
    return [Entry.read(id_, fields) for id_, fields in entries]


def position_of(id_: bytes) -> Position:
    """Order stream ids."""
    return Position.read(id_.decode())
