"""The verbs of a client about its jobs: cancel, read, list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobs.commands.command import Command, Lives, Reply, refuse_missing
from jobs.record import Record
from jobs.scripts import Verb


class Cancelled(StrEnum):
    """Say what a cancel did."""

    #: The job waited; it is REVOKED for good.
    REVOKED = "revoked"
    #: The job runs; its worker is told to stop it.
    ASKED = "asked"
    #: It was cancelled before.
    AGAIN = "again"
    #: It ended before; nothing changed.
    FINISHED = "finished"


def cancel(id: str, tenant: str, lives: Lives) -> Command[tuple[Cancelled, Record]]:  # noqa: A002
    """Revoke a waiting job, or ask for the end of a running one; raises NotFound or Gone as it is read."""

    def read(reply: Reply) -> tuple[Cancelled, Record]:
        refuse_missing(id, reply[0])
        return Cancelled(reply[0].decode()), Record.read(id, reply[1])

    return Command(Verb.CANCEL.value, (id, tenant, lives.result_ms, lives.file_ms), read)


def read_job(id: str, tenant: str, *, watcher: str = "") -> Command[Record]:  # noqa: A002
    """Read one job; with a ``watcher``, that process is told of its events until the end.

    Raises NotFound, or Gone, as the reply is read.
    """

    def read(reply: Reply) -> Record:
        refuse_missing(id, reply[0])
        return Record.read(id, reply[1])

    return Command(Verb.READ.value, (id, tenant, watcher), read)


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of jobs, newest first; ``next_stamp`` is empty on the last one."""

    records: list[Record]
    next_stamp: str


def list_jobs(
    tenant: str,
    *,
    limit: int,
    below_stamp: str = "",
    from_stamp: str = "",
    state: str = "",
    task: str = "",
    queue: str = "",
    tag: str = "",
) -> Command[Page]:
    """Read one page of jobs that fit every filter given; stamps are microseconds."""

    def read(reply: Reply) -> Page:
        return Page([Record.read(item[0].decode(), item[1]) for item in reply[0]], reply[1].decode())

    args = (tenant, limit, below_stamp, from_stamp, state, task, queue, tag)
    return Command(Verb.LIST.value, args, read)
