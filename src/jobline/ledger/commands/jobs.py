"""The verbs of a client about its jobs: cancel, repeat, read, list, delete."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobline.domain.record import Record
from jobline.domain.retention import Retention
from jobline.domain.state import State
from jobline.ledger.commands.command import Argument, Command, Reply, refuse_missing
from jobline.ledger.commands.submitting import Receipt, read_receipt
from jobline.ledger.scripts import Script

CANCEL = Script("cancel")
RETRY = Script("retry")
READ = Script("read")
LIST = Script("list")
DELETE = Script("delete")


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


def cancel(id: str, tenant: str, retention: Retention) -> Command[tuple[Cancelled, Record]]:
    """Revoke a waiting job, or ask for the end of a running one; raises NotFound or Gone as it is read."""

    def read(reply: Reply) -> tuple[Cancelled, Record]:
        refuse_missing(id, reply[0])
        return Cancelled(reply[0].decode()), Record.read(id, reply[1])

    return Command(CANCEL, (id, tenant, *retention), read)


def retry_job(id: str, tenant: str, new_id: str, *, queue_limit: int) -> Command[Receipt[Record] | State]:
    """Make a new job of one that failed or was revoked; answers the state of one that did neither.

    Raises NotFound or Gone as it is read.
    """

    def read(reply: Reply) -> Receipt[Record] | State:
        refuse_missing(id, reply[0])
        return State(reply[1].decode()) if reply[0] == b"unfit" else read_receipt(reply, Record.read)

    return Command(RETRY, (id, tenant, new_id, queue_limit), read)


def read_job(id: str, tenant: str, *, watcher: str = "", note: bool = False) -> Command[Record]:
    """Read one job; with a ``watcher``, that process is told of its events until the end.

    With ``note``, a job that has ended is ``answered`` from now on.

    Raises NotFound, or Gone, as the reply is read.
    """

    def read(reply: Reply) -> Record:
        refuse_missing(id, reply[0])
        return Record.read(id, reply[1])

    return Command(READ, (id, tenant, watcher, "1" if note else ""), read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Choose jobs of one tenant; what is empty fits any. Stamps are microseconds; ``state`` may be many."""

    tenant: str
    below_stamp: str = ""
    from_stamp: str = ""
    state: str = ""
    task: str = ""
    queue: str = ""
    tag: str = ""
    batch_id: str = ""

    def words(self, limit: int) -> tuple[Argument, ...]:
        """Write it as the scripts read it; they visit at most ``limit`` jobs."""
        return (
            self.tenant, self.below_stamp, self.from_stamp, self.state, self.task, self.queue, self.tag,
            self.batch_id, limit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of jobs, newest first; ``next_stamp`` is empty on the last one."""

    records: list[Record]
    next_stamp: str


def list_jobs(tenant: str, *, limit: int, **filters: str) -> Command[Page]:
    """Read one page of jobs that fit every filter given: the fields of `Filter` by name."""

    def read(reply: Reply) -> Page:
        return Page([Record.read(item[0].decode(), item[1]) for item in reply[0]], reply[1].decode())

    return Command(LIST, Filter(tenant=tenant, **filters).words(limit), read)


def delete(id: str, tenant: str, retention: Retention) -> Command[State | None]:
    """Forget a final job with its artifacts; answers the state of one that is not final, which stays.

    Raises NotFound or Gone as it is read.
    """

    def read(reply: Reply) -> State | None:
        refuse_missing(id, reply[0])
        return State(reply[1].decode()) if reply[0] == b"unfit" else None

    return Command(DELETE, (id, tenant, *retention), read)
