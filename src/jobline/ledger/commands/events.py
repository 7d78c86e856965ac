"""The verbs of clients that follow events: one job's history, and the feed of all jobs."""

from __future__ import annotations

from dataclasses import dataclass

from jobline.domain.event import Event
from jobline.ledger.commands.command import Command, Reply, read_each, refuse_missing
from jobline.ledger.scripts import Script

HISTORY = Script("history")
FEED = Script("feed")

#: Maximum of one answer; a single event may be larger.
PAGE_EVENTS = 200
PAGE_BYTES = 65_536
#: Maximum number of the feed's entries that one call reads: about a millisecond.
FEED_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class History:
    """Events in order, up to ``position``: there are more, or none will ever follow, or neither."""

    events: list[Event]
    position: str
    has_more: bool
    has_ended: bool = False


def read_history(id: str, tenant: str, *, after: str = "", subscriber: str = "") -> Command[History]:
    """Read one job's events after the event ``after``; a ``subscriber`` process receives the next ones.

    Raises NotFound, or Gone, as the reply is read.
    """

    def read(reply: Reply) -> History:
        word, *found = reply
        refuse_missing(id, word)
        partition, status, lines = found
        events = read_each(lines, lambda line: read_line(line, id, partition))
        position = lines[-1].split(b" ", 1)[0].decode() if lines else after
        return History(events, position, status == b"more", status == b"ended")

    return Command(HISTORY, (id, tenant, subscriber, after, PAGE_EVENTS, PAGE_BYTES), read)


def read_line(line: bytes, job_id: str, partition: bytes) -> Event:
    """Read a line of a job's history."""
    id_, type_, text = line.split(b" ", 2)
    detail, _, result = text.partition(b"\n")
    return Event.read(id_, type_, job_id, partition, detail, result)


def read_feed(tenant: str, *, after: str = "", batch: str = "") -> Command[History]:
    """Read a tenant's events after the event ``after``; without one, no events but the feed's present end.

    With a ``batch`` only the events of its jobs, without ``after`` from its start. Raises NotFound, or Gone,
    as the reply is read.
    """

    def read(reply: Reply) -> History:
        word, *found = reply
        refuse_missing(batch, word, what="batch")
        position, status, items = found
        events = read_each(items, read_item)
        return History(events, position.decode(), status == b"more", status == b"ended")

    return Command(FEED, (tenant, after, FEED_LOOK, PAGE_BYTES, batch), read)


def read_item(item: Reply) -> Event:
    """Read one event of the feed."""
    id_, type_, job_id, partition, detail, result = item
    return Event.read(id_, type_, job_id.decode(), partition, detail, result)
