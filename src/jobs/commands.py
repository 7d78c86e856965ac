"""Intents as commands: which script, which arguments, how its reply reads. Pure: nothing here touches Redis.

The service awaits a Command, the worker calls it; the rule of each stands in ``lua/`` once. Scripts build
every key from the templates of `keys.py`, so a command passes no keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from jobs.errors import Gone, NotFound
from jobs.record import Failure, Record
from jobs.scripts import Script, Verb
from jobs.state import State
from jobs.stored_file import StoredFile
from jobs.submission import Submission

T = TypeVar("T")
# A reply is what redis-py read: bytes, int and nested lists; each reader below gives it its type.
Reply = Any
Argument = str | bytes | int


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """Hold one call of a script."""

    script: Script
    args: tuple[Argument, ...]
    read: Callable[[Reply], T]


@dataclass(frozen=True, slots=True)
class Lives:
    """Say how long things live after their end, in milliseconds; every script that ends a job needs them."""

    result_ms: int
    file_ms: int
    tombstone_ms: int


class Submitted(StrEnum):
    """Say what a submit did."""

    #: The ledger holds a new job.
    CREATED = "created"
    #: The same key, or the same id, came before: the first job stands.
    REPLAYED = "replayed"
    #: The key came before with another request.
    REUSED = "reused"
    #: The queue has no room.
    FULL = "full"
    #: The input names a file that never was.
    NO_FILE = "no-file"
    #: The input names a file that expired.
    GONE_FILE = "gone-file"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer a submit: a ``record`` with CREATED and REPLAYED; ``about`` names the file that is missing."""

    outcome: Submitted
    record: Record | None = None
    about: str = ""


def submit(order: Submission, *, queue_limit: int, watcher: str = "") -> Command[Receipt]:
    """Store a job, or find the one that this key or id made before; one round trip."""
    args: tuple[Argument, ...] = (
        order.id, order.place, order.priority, order.max_attempts, order.timeout_ms, order.input,
        text(order.delay_ms), text(order.run_at_ms), text(order.expires_in_ms),
        json.dumps(order.tags, ensure_ascii=False) if order.tags else "",
        order.idempotency, order.fingerprint, queue_limit, watcher, order.retry_of or "",
        " ".join(order.files),
    )  # fmt: skip

    def read(reply: Reply) -> Receipt:
        outcome = Submitted(reply[0].decode())
        if outcome is Submitted.CREATED:
            return Receipt(outcome, order.as_record(int(reply[1]), reply[2]))
        if outcome is Submitted.REPLAYED:
            return Receipt(outcome, Record.read(reply[1].decode(), reply[2]))
        return Receipt(outcome, about=reply[1].decode() if isinstance(reply[1], bytes) else "")

    return Command(Verb.SUBMIT.value, args, read)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Hold what one attempt needs to run."""

    id: str
    task: str
    queue: str
    attempt: int
    max_attempts: int
    fence: int
    timeout_ms: int
    input: bytes


def claim(
    owner: str, queues: Sequence[str], *, slots: int, lease_ms: int, lives: Lives
) -> Command[list[Claimed]]:
    """Start the next waiting jobs, at most ``slots``; one round trip."""

    def read(reply: Reply) -> list[Claimed]:
        return [read_claimed(item) for item in reply]

    args: tuple[Argument, ...] = (owner, lease_ms, slots, lives.result_ms, lives.file_ms, *queues)
    return Command(Verb.CLAIM.value, args, read)


def read_claimed(item: Reply) -> Claimed:
    """Read one item of a claim's reply."""
    _, task, queue = item[1].decode().split(":")
    return Claimed(
        id=item[0].decode(),
        task=task,
        queue=queue,
        attempt=int(item[2]),
        max_attempts=int(item[3]),
        fence=int(item[4]),
        timeout_ms=int(item[5]),
        input=item[6],
    )


@dataclass(frozen=True, slots=True)
class Renewed:
    """Answer a renewal: attempts that were given up, jobs to cancel, and how many attempts still run."""

    lost: list[str]
    cancelled: list[str]
    current: int


def renew(attempts: Iterable[tuple[str, int]], *, lease_ms: int) -> Command[Renewed]:
    """Extend the leases of the attempts ``(job id, fence)``."""

    def read(reply: Reply) -> Renewed:
        return Renewed(words(reply[0]), words(reply[1]), reply[2])

    return Command(Verb.RENEW.value, (lease_ms, *flat(attempts)), read)


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """Name bytes that the file store holds already, to be made the job's artifact as it succeeds."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Answer a settle: ``is_current`` is false for a late attempt, which wrote nothing."""

    is_current: bool
    state: State


def succeed(
    id: str,  # noqa: A002 - the public word
    fence: int,
    result: str | bytes,
    artifacts: Iterable[PublishedArtifact],
    lives: Lives,
) -> Command[Settled]:
    """End the attempt with a result (JSON)."""
    more: list[Argument] = []
    for one in artifacts:
        more += [one.id, one.name, one.media_type, one.size_bytes, one.sha256]
    return settle(id, fence, State.SUCCESS, result, 0, lives, more)


def fail(id: str, fence: int, failure: Failure, lives: Lives) -> Command[Settled]:  # noqa: A002
    """End the job with an error."""
    return settle(id, fence, State.FAILURE, failure.dumps(), 0, lives)


def retry(id: str, fence: int, failure: Failure, delay_ms: int, lives: Lives) -> Command[Settled]:  # noqa: A002
    """End the attempt with an error; the next one is due in ``delay_ms``, unless none is left."""
    return settle(id, fence, State.RETRY, failure.dumps(), delay_ms, lives)


def stop(id: str, fence: int, lives: Lives) -> Command[Settled]:  # noqa: A002
    """End a cancelled job, whose code has stopped."""
    return settle(id, fence, State.REVOKED, "", 0, lives)


def settle(
    id: str,  # noqa: A002
    fence: int,
    state: State,
    content: str | bytes,
    delay_ms: int,
    lives: Lives,
    more: Iterable[Argument] = (),
) -> Command[Settled]:
    """Call the one script behind succeed, fail, retry and stop."""
    args = (id, fence, state, content, delay_ms, lives.result_ms, lives.file_ms, *more)
    return Command(Verb.SETTLE.value, args, read_settled)


def read_settled(reply: Reply) -> Settled:
    """Read the reply of settle and of lose."""
    return Settled(reply[0] != b"late", State(reply[1].decode()))


def lose(id: str, fence: int, lives: Lives) -> Command[Settled]:  # noqa: A002
    """Report that the process which ran the attempt died."""
    return Command(Verb.LOSE.value, (id, fence, lives.result_ms, lives.file_ms), read_settled)


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


def release(attempts: Iterable[tuple[str, int]], lives: Lives) -> Command[list[str]]:
    """Hand running jobs back to the front of their queue; the attempt does not count."""
    return Command(Verb.RELEASE.value, (lives.result_ms, lives.file_ms, *flat(attempts)), words)


@dataclass(frozen=True, slots=True)
class Noted:
    """Answer a report: ``is_current`` is false for a late attempt."""

    is_current: bool
    cancel_requested: bool


def report(id: str, fence: int, kind: str, content: str) -> Command[Noted]:  # noqa: A002
    """Tell the running attempt's ``progress``, or add a line to its ``log`` (content: JSON)."""

    def read(reply: Reply) -> Noted:
        return Noted(reply[0] == b"noted", len(reply) > 1 and reply[1] == b"1")

    return Command(Verb.REPORT.value, (id, fence, kind, content), read)


@dataclass(frozen=True, slots=True)
class Ticked:
    """Answer a tick: jobs that the owner should cancel, and whether more is due at once."""

    cancelled: list[str]
    has_more: bool


def tick(owner: str, about: str, *, lease_ms: int, lives: Lives) -> Command[Ticked]:
    """Do what time brings, and leave the worker's heartbeat with its description (JSON)."""

    def read(reply: Reply) -> Ticked:
        return Ticked(words(reply[0]), reply[1] == b"1")

    args = (owner, about, lease_ms, lives.result_ms, lives.file_ms, lives.tombstone_ms)
    return Command(Verb.TICK.value, args, read)


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


def keep_file(
    id: str,  # noqa: A002
    tenant: str,
    *,
    name: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    lives: Lives,
) -> Command[int]:
    """Record an uploaded file, whose bytes are stored; answers its creation in milliseconds."""
    return Command(
        Verb.KEEP_FILE.value, (id, tenant, name, media_type, size_bytes, sha256, lives.file_ms), int
    )


def read_files(tenant: str, ids: Iterable[str]) -> Command[list[StoredFile]]:
    """Read files in the order asked; raises NotFound or Gone, naming the file, as the reply is read."""
    return Command(Verb.READ_FILE.value, (tenant, "", *ids), read_file_list)


def read_artifacts(tenant: str, job_id: str) -> Command[list[StoredFile]]:
    """Read the artifacts of one job."""
    return Command(Verb.READ_FILE.value, (tenant, job_id), read_file_list)


def read_file_list(reply: Reply) -> list[StoredFile]:
    """Read the reply of read_file."""
    for item in reply:
        if not isinstance(item[1], list):
            refuse_missing(item[0].decode(), item[1], what="file")
    return [StoredFile.read(item[0].decode(), item[1], item[2]) for item in reply]


def drop_file(id: str, tenant: str, lives: Lives) -> Command[bool]:  # noqa: A002
    """Forget an uploaded file; False when an unfinished job names it, or a job made it."""

    def read(reply: Reply) -> bool:
        refuse_missing(id, reply, what="file")
        return bool(reply == b"dropped")

    return Command(Verb.DROP_FILE.value, (tenant, id, lives.tombstone_ms), read)


def trash(deleted: Sequence[str] = ()) -> Command[list[str]]:
    """Note that the bytes of ``deleted`` are gone, and learn which files' bytes should go next."""
    return Command(Verb.TRASH.value, tuple(deleted), words)


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """Describe one worker: ``about`` is the JSON it told, ``age_ms`` the time since its heartbeat."""

    name: str
    age_ms: int
    about: bytes


def workers() -> Command[list[WorkerSeen]]:
    """List the workers that showed a heartbeat lately."""

    def read(reply: Reply) -> list[WorkerSeen]:
        now = int(reply[0])
        return [WorkerSeen(item[0].decode(), now - int(item[1]), item[2]) for item in reply[1:]]

    return Command(Verb.WORKERS.value, (), read)


def refuse_missing(id: str, word: bytes, what: str = "job") -> None:  # noqa: A002
    """Raise NotFound or Gone where the script says so."""
    if word == b"unknown":
        raise NotFound(f"There is no {what} {id}.")
    if word == b"gone":
        raise Gone(f"The {what} {id} has expired.")


def text(number: int | None) -> str:
    """Write an optional number as scripts take it."""
    return "" if number is None else str(number)


def flat(attempts: Iterable[tuple[str, int]]) -> tuple[Argument, ...]:
    """Write ``(job id, fence)`` pairs one after the other."""
    return tuple(part for attempt in attempts for part in attempt)


def words(reply: Reply) -> list[str]:
    """Read a list of words."""
    return [word.decode() for word in reply]
