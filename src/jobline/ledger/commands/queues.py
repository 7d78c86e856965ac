"""The verbs of queues: statistics, pause and resume."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jobline.domain.record import moment, pairs
from jobline.ledger.commands.command import Command, Reply, words
from jobline.ledger.scripts import Script

QUEUES = Script("queues")
QUEUE = Script("queue")
PAUSE = Script("pause")


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The statistics of one queue; ``depth`` counts waiting and scheduled jobs, ``by_priority`` is 0 to 9."""

    name: str
    depth: int
    scheduled: int
    running: int
    is_paused: bool
    by_priority: tuple[int, ...]
    oldest_age_s: float | None
    ended: tuple[int, ...]  #: in the present minute, and in each of the five before it
    #: the waiting jobs of each task that some worker of this or another queue did not know
    unserved: dict[str, int]
    seen_at: datetime


def list_queues() -> Command[set[str]]:
    """Name the queues that have waiting or running jobs, or are paused."""
    return Command(QUEUES, (), lambda reply: set(words(reply)))


def read_queue(name: str, limited_tasks: Iterable[str] = ()) -> Command[QueueStats]:
    """Read the statistics of a queue; one that never was is empty.

    Jobs that are blocked by a limit count if ``limited_tasks`` has their task.
    """

    def read(reply: Reply) -> QueueStats:
        fields: dict[bytes, Reply] = dict(pairs(reply))
        now_ms, oldest = int(fields[b"now_ms"]), fields[b"oldest"]
        return QueueStats(
            name=name,
            depth=fields[b"depth"],
            scheduled=fields[b"scheduled"],
            running=fields[b"running"],
            is_paused=fields[b"paused"] == 1,
            by_priority=tuple(fields[b"by_priority"]),
            oldest_age_s=max(0.0, now_ms / 1000 - int(oldest) / 1_000_000) if oldest else None,
            ended=tuple(fields[b"ended"]),
            unserved={task.decode(): int(count) for task, count in pairs(fields[b"unserved"])},
            seen_at=moment(now_ms),
        )

    return Command(QUEUE, (name, *limited_tasks), read)


def pause(queue: str) -> Command[None]:
    """Stop the claims of a queue's waiting jobs until it is resumed; running jobs go on."""
    return Command(PAUSE, (queue, "pause"), lambda _: None)


def resume(queue: str) -> Command[None]:
    """Allow the claims of a queue's jobs after a pause."""
    return Command(PAUSE, (queue, "resume"), lambda _: None)
