"""Read the feed of all jobs' events, once for all who watch it, and only while somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.event import Entry, EventType
from jobline.ledger.connect import Connector
from jobline.ledger.feed import FeedCut, FeedReader
from jobline.service.events.stream import Stream, Write

#: How long to leave Redis alone after the connection broke.
PAUSE_S = 0.5
SUCCEEDED = EventType.SUCCEEDED.encode()

logger = logging.getLogger("jobline.events")


class Feed:
    """Tell the streams of each tenant what happens to its jobs."""

    def __init__(self, connector: Connector, write: Write) -> None:
        self._feed = FeedReader(connector)
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
        await self._feed.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._read_on()
            except FeedCut:
                continue
            except LedgerUnavailable as error:
                logger.warning("the feed cannot be read: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def _read_on(self) -> None:
        """Tell what happens from now on; before, streams are sent to read for themselves what they missed."""
        await self._feed.skip_to_end()
        self._resync()
        while True:
            await self._tell(await self._feed.read())

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
        results = iter(await self._feed.read_results([one.job_id for one in wanted if one.type == SUCCEEDED]))
        for entry in wanted:
            frame = self._write(entry.as_event(next(results) if entry.type == SUCCEEDED else None))
            for stream in self._streams.get(entry.tenant, ()):
                stream.tell(frame)
