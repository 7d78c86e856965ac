"""The verbs of queues: how they stand, pause and resume."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jobline.domain.record import moment
from jobline.ledger.commands.command import Command, Reply, words
from jobline.ledger.scripts import Script

QUEUES = Script("queues")
QUEUE = Script("queue")
PAUSE = Script("pause")


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """Tell how one queue stands; ``depth`` counts waiting and scheduled jobs, ``by_priority`` from 0 to 9."""

    name: str
    depth: int
    scheduled: int
    running: int
    is_paused: bool
    by_priority: tuple[int, ...]
    oldest_age_s: float | None
    ended: tuple[int, ...]  #: in the present minute, and in each of the five before it
    seen_at: datetime


def list_queues() -> Command[set[str]]:
    """Name the queues that hold waiting or running jobs, or are paused."""
    return Command(QUEUES, (), lambda reply: set(words(reply)))


def read_queue(name: str, limited_tasks: Iterable[str] = ()) -> Command[QueueSeen]:
    """Tell how a queue stands, also one that never was; jobs that wait for ``limited_tasks`` count."""

    def read(reply: Reply) -> QueueSeen:
        now_ms = int(reply[5])
        return QueueSeen(
            name=name,
            depth=reply[0],
            scheduled=reply[1],
            running=reply[2],
            is_paused=reply[3] == b"1",
            by_priority=tuple(reply[6]),
            oldest_age_s=max(0.0, now_ms / 1000 - int(reply[4]) / 1_000_000) if reply[4] else None,
            ended=tuple(reply[7]),
            seen_at=moment(str(now_ms)) or datetime.min,  # noqa: DTZ901 - never None
        )

    return Command(QUEUE, (name, *limited_tasks), read)


def pause(queue: str) -> Command[None]:
    """Keep the waiting jobs of a queue from being claimed, until it is resumed; running ones go on."""
    return Command(PAUSE, (queue, "pause"), lambda _: None)


def resume(queue: str) -> Command[None]:
    """Let a queue's jobs be claimed again."""
    return Command(PAUSE, (queue, "resume"), lambda _: None)
