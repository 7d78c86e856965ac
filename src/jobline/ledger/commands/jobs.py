"""The verbs of a client about one job, and the list of jobs: cancel, retry, read, list, delete."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jobline.domain.record import Record
from jobline.domain.retention import Retention
from jobline.domain.state import State
from jobline.ledger.commands.command import Argument, Command, Reply, read_each, refuse_missing
from jobline.ledger.commands.submitting import Receipt, read_receipt
from jobline.ledger.scripts import Script

CANCEL = Script("cancel")
RETRY = Script("retry")
READ = Script("read")
LIST = Script("list")
DELETE = Script("delete")


class Cancelled(StrEnum):
    """The outcome of a cancel."""

    #: The job waited; it has ended as REVOKED.
    REVOKED = "revoked"
    #: The job runs; its worker will stop it.
    REQUESTED = "requested"
    #: It was cancelled before.
    REPEATED = "repeated"
    #: It had ended before; nothing changed.
    FINISHED = "finished"


def cancel(id: str, tenant: str, retention: Retention) -> Command[tuple[Cancelled, Record]]:
    """End a waiting job, or ask for the end of a running one; raises NotFound or Gone as it is read."""

    def read(reply: Reply) -> tuple[Cancelled, Record]:
        word, *found = reply
        refuse_missing(id, word)
        (record,) = found
        return Cancelled(word.decode()), Record.read(id, record)

    return Command(CANCEL, (id, tenant, *retention), read)


def retry_job(id: str, tenant: str, new_id: str, *, queue_limit: int) -> Command[Receipt[Record] | State]:
    """Create a new job from one that failed or was revoked; returns the state of one that did neither.

    Raises NotFound or Gone as the reply is read.
    """

    def read(reply: Reply) -> Receipt[Record] | State:
        word, *_ = reply
        refuse_missing(id, word)
        if word != b"refused":
            return read_receipt(reply, Record.read)
        _, state = reply
        return State(state.decode())

    return Command(RETRY, (id, tenant, new_id, queue_limit), read)


def read_job(id: str, tenant: str, *, subscriber: str = "", note: bool = False) -> Command[Record]:
    """Read one job; a ``subscriber`` process receives its events until it ends.

    With ``note`` a job that has ended is ``answered`` from now on. Raises NotFound, or Gone, as the reply is
    read.
    """

    def read(reply: Reply) -> Record:
        word, *found = reply
        refuse_missing(id, word)
        (record,) = found
        return Record.read(id, record)

    return Command(READ, (id, tenant, subscriber, "1" if note else ""), read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs of one tenant; an empty field fits any. Stamps are microseconds; ``state`` may name many."""

    tenant: str
    below_stamp: str = ""
    from_stamp: str = ""
    state: str = ""
    task: str = ""
    queue: str = ""
    tag: str = ""
    batch_id: str = ""

    def words(self, limit: int) -> tuple[Argument, ...]:
        """Return it as the scripts read it; they visit at most ``limit`` jobs."""
        return (
            self.tenant, self.below_stamp, self.from_stamp, self.state, self.task, self.queue, self.tag,
            self.batch_id, limit,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs, newest first; ``next_stamp`` is empty on the last one."""

    records: list[Record]
    next_stamp: str


def list_jobs(tenant: str, *, limit: int, **filters: str) -> Command[Page]:
    """Read one page of the jobs that fit every filter given: the fields of `Filter` by name."""

    def read(reply: Reply) -> Page:
        items, next_stamp = reply
        records = read_each(items, lambda item: Record.read(item[0].decode(), item[1]))
        return Page(records, next_stamp.decode())

    return Command(LIST, Filter(tenant=tenant, **filters).words(limit), read)


def delete(id: str, tenant: str, retention: Retention) -> Command[State | None]:
    """Remove a final job with its artifacts; returns the state of one that is not final, which stays.

    Raises NotFound or Gone as the reply is read.
    """

    def read(reply: Reply) -> State | None:
        word, *state = reply
        refuse_missing(id, word)
        return State(state[0].decode()) if word == b"refused" else None

    return Command(DELETE, (id, tenant, *retention), read)
