"""The events of all jobs, for streams: read from Redis once a process, and only while a client listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.event import EventType
from jobline.ledger.connect import Connector
from jobline.ledger.feed import Entry, FeedCut, FeedReader
from jobline.service.events.stream import Stream, Write, write_or_skip

#: Seconds until the feed is read again after the connection broke.
PAUSE_S = 0.5
SUCCEEDED = EventType.SUCCEEDED.encode()

logger = logging.getLogger("jobline.events")


class Feed:
    """The streams of each tenant and each batch, fed by one reader."""

    def __init__(self, connector: Connector, write: Write) -> None:
        self._feed = FeedReader(connector)
        self._write = write
        self._streams: dict[str, set[Stream]] = {}
        self._batches: dict[str, set[Stream]] = {}
        self._reader: asyncio.Task[None] | None = None

    def subscribe(self, tenant: str, stream: Stream) -> None:
        """Push a tenant's events to a stream, which first catches up by itself when the reader starts."""
        self._subscribe(self._streams, tenant, stream)

    def unsubscribe(self, tenant: str, stream: Stream) -> None:
        """End a subscription; with the last one, the reader stops."""
        self._unsubscribe(self._streams, tenant, stream)

    def subscribe_to_batch(self, batch: str, stream: Stream) -> None:
        """Make a stream read on at each event of a batch's jobs; the script knows the batch's end."""
        self._subscribe(self._batches, batch, stream)

    def unsubscribe_from_batch(self, batch: str, stream: Stream) -> None:
        """End a subscription to a batch."""
        self._unsubscribe(self._batches, batch, stream)

    def _subscribe(self, streams: dict[str, set[Stream]], name: str, stream: Stream) -> None:
        streams.setdefault(name, set()).add(stream)
        if self._reader is None:
            self._reader = asyncio.create_task(self._run())

    def _unsubscribe(self, streams: dict[str, set[Stream]], name: str, stream: Stream) -> None:
        subscribed = streams[name]
        subscribed.discard(stream)
        if not subscribed:
            del streams[name]
        if self._reader is not None and not self._streams and not self._batches:
            self._reader.cancel()
            self._reader = None

    async def close(self) -> None:
        """Stop the reader and close its connection."""
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
            except Exception:  # every stream of this process depends on this task
                logger.exception("The reader of the feed failed and starts again.")
                await asyncio.sleep(PAUSE_S)

    async def _read_on(self) -> None:
        """Push events from now on; first, all streams read for themselves what they missed."""
        await self._feed.skip_to_end()
        self._resync()
        while True:
            await self._push(await self._feed.read())

    def _resync(self) -> None:
        for streams in (*self._streams.values(), *self._batches.values()):
            for stream in streams:
                stream.fall_behind()

    async def _push(self, entries: Sequence[Entry]) -> None:
        """Push events to the streams of their tenants, and wake the streams of their batches."""
        for batch in {entry.batch.decode() for entry in entries}:
            for stream in self._batches.get(batch, ()):
                stream.fall_behind()
        relevant = [entry for entry in entries if entry.tenant in self._streams]
        results = iter(
            await self._feed.read_results([one.job_id for one in relevant if one.type == SUCCEEDED])
        )
        for entry in relevant:
            event = entry.as_event(next(results) if entry.type == SUCCEEDED else None)
            frame = write_or_skip(self._write, event)
            if frame is None:
                continue
            for stream in self._streams.get(entry.tenant, ()):
                stream.push(frame)
