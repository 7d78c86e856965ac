"""The verbs of the workers' clock: tick, and the list of workers."""

from __future__ import annotations

from dataclasses import dataclass

from jobline.domain.retention import Retention
from jobline.ledger.commands.command import Command, Reply, words
from jobline.ledger.scripts import Script

TICK = Script("tick")
LEAVE = Script("leave")
WORKERS = Script("workers")
PROBE = Script("probe")
#: What Redis' refusals of a write mean, by their first word.
REFUSALS = {
    "OOM": "Redis is full: it has reached its maxmemory",
    "READONLY": "Redis is a read-only replica",
    "MISCONF": "Redis takes no writes because it cannot save to its disk",
    "NOREPLICAS": "Redis takes no writes because it has too few replicas",
    "MASTERDOWN": "Redis has lost its master",
    "NOPERM": "the Redis user of JOBLINE_REDIS_URL lacks a permission",
}


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick found: jobs that the owner should cancel, and whether more is due at once.

    ``unserved`` names the tasks with blocked jobs that some worker did not know.
    """

    cancelled: list[str]
    has_more: bool
    unserved: list[str]


def tick(owner: str, description: str, *, lease_ms: int, retention: Retention) -> Command[Ticked]:
    """Do what is due in the ledger, and leave the worker's heartbeat with its description (JSON).

    Without a description there is no heartbeat: the worker is up, but can start nothing.
    """

    def read(reply: Reply) -> Ticked:
        cancelled, more, unserved = reply
        return Ticked(words(cancelled), more == b"1", words(unserved))

    return Command(TICK, (owner, description, lease_ms, *retention), read)


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One worker: ``about`` is its own description (JSON), ``age_ms`` the time since its heartbeat."""

    name: str
    age_ms: int
    about: bytes


def leave(owner: str) -> Command[None]:
    """Remove a worker that ends from the list."""
    return Command(LEAVE, (owner,), lambda _: None)


def workers() -> Command[list[WorkerStats]]:
    """List the workers with a recent heartbeat."""

    def read(reply: Reply) -> list[WorkerStats]:
        now_ms, found = reply
        return [
            WorkerStats(name.decode(), int(now_ms) - int(heartbeat_ms), description)
            for name, heartbeat_ms, description in found
        ]

    return Command(WORKERS, (), read)


def probe() -> Command[str]:
    """Return why Redis takes no writes, as a clause; empty if it takes them."""

    def read(reply: Reply) -> str:
        error = reply.decode()
        return REFUSALS.get(error.partition(" ")[0], f"Redis refuses writes: {error}") if error else ""

    return Command(PROBE, (), read)
