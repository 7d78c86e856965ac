"""The verbs of those who watch: one job's history, and the feed of all jobs."""

from __future__ import annotations

from dataclasses import dataclass

from jobline.domain.event import Event, EventType
from jobline.ledger.commands.command import Command, Reply, refuse_missing
from jobline.ledger.scripts import Script

HISTORY = Script("history")
FEED = Script("feed")

#: What one answer holds at the most, or a single event that is larger.
PAGE_EVENTS = 200
PAGE_BYTES = 65_536
#: How much of the feed one call walks over: about a millisecond.
FEED_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class History:
    """Hold events in order.

    With ``has_more`` ask again after ``position``; with ``has_ended`` no other will ever come.
    """

    events: list[Event]
    position: str
    has_more: bool
    has_ended: bool = False


def read_history(id: str, tenant: str, *, after: str = "", watcher: str = "") -> Command[History]:
    """Read one job's events after the event ``after``; with a ``watcher``, that process is told of the next.

    Raises NotFound, or Gone, as the reply is read.
    """

    def read(reply: Reply) -> History:
        refuse_missing(id, reply[0])
        place = reply[1].decode()
        events = [Event.read_line(line, id, place) for line in reply[3:]]
        return History(events, events[-1].id if events else after, reply[2] == b"more", reply[2] == b"ended")

    return Command(HISTORY, (id, tenant, watcher, after, PAGE_EVENTS, PAGE_BYTES), read)


def read_feed(tenant: str, *, after: str = "", batch: str = "") -> Command[History]:
    """Read a tenant's events after the event ``after``; without one, only where the feed ends now.

    Of a batch alone, where one is named: then without ``after`` from its start. Raises NotFound, or Gone, as
    the reply is read.
    """

    def read(reply: Reply) -> History:
        refuse_missing(batch, reply[0], what="batch")
        events = [read_entry(item) for item in reply[2:]]
        return History(events, reply[0].decode(), reply[1] == b"more", reply[1] == b"ended")

    return Command(FEED, (tenant, after, FEED_LOOK, PAGE_BYTES, batch), read)


def read_entry(item: Reply) -> Event:
    """Read one item of a feed's reply."""
    id_, type_, job_id, place, detail, result = item
    return Event(
        id_.decode(), EventType(type_.decode()), job_id.decode(), place.decode(), detail, result or None
    )
