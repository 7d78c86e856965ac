"""The verbs of the workers' clock: tick, and who is alive."""

from __future__ import annotations

from dataclasses import dataclass

from jobline.domain.retention import Retention
from jobline.ledger.commands.command import Command, Reply, words
from jobline.ledger.scripts import Script

TICK = Script("tick")
LEAVE = Script("leave")
WORKERS = Script("workers")


@dataclass(frozen=True, slots=True)
class Ticked:
    """Answer a tick: jobs that the owner should cancel, and whether more is due at once."""

    cancelled: list[str]
    has_more: bool


def tick(owner: str, about: str, *, lease_ms: int, retention: Retention) -> Command[Ticked]:
    """Do what time brings, and leave the worker's heartbeat with its description (JSON)."""

    def read(reply: Reply) -> Ticked:
        return Ticked(words(reply[0]), reply[1] == b"1")

    args = (owner, about, lease_ms, *retention)
    return Command(TICK, args, read)


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """Describe one worker: ``about`` is the JSON it told, ``age_ms`` the time since its heartbeat."""

    name: str
    age_ms: int
    about: bytes


def leave(owner: str) -> Command[None]:
    """Take a worker that ends from the list."""
    return Command(LEAVE, (owner,), lambda _: None)


def workers() -> Command[list[WorkerSeen]]:
    """List the workers that showed a heartbeat lately."""

    def read(reply: Reply) -> list[WorkerSeen]:
        now = int(reply[0])
        return [WorkerSeen(item[0].decode(), now - int(item[1]), item[2]) for item in reply[1:]]

    return Command(WORKERS, (), read)
