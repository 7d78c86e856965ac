"""The verbs of attempts: claim, renew, report, settle (succeed, fail, retry, stop), lose, release, disown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from jobline.domain.record import Failure
from jobline.domain.retention import Retention
from jobline.domain.state import State
from jobline.ledger.commands.command import Argument, Command, Reply, flat, words
from jobline.ledger.scripts import Script

CLAIM = Script("claim")
RENEW = Script("renew")
SETTLE = Script("settle")
LOSE = Script("lose")
RELEASE = Script("release")
DISOWN = Script("disown")
REPORT = Script("report")


class Claimed(NamedTuple):
    """What one attempt needs to run."""

    id: str
    task: str
    queue: str
    attempt: int
    max_attempts: int
    fence: int
    timeout_ms: int
    input: bytes


@dataclass(frozen=True)
class Limits:
    """Say how many jobs may run at once: of each tenant (0: any number), and of each task with a limit."""

    tenant: int = 0
    tasks: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def words(self) -> str:
        """Write the limits of tasks as the script reads them."""
        return " ".join(f"{task}={limit}" for task, limit in self.tasks.items())


UNLIMITED = Limits()


def claim(
    owner: str,
    queues: Sequence[str],
    *,
    slots: int,
    lease_ms: int,
    retention: Retention,
    limits: Limits = UNLIMITED,
    number: int = 0,
) -> Command[list[Claimed]]:
    """Start the next waiting jobs, at most ``slots``; tenants take turns, within ``limits``.

    ``number`` tells the claims of one owner apart, for `disown`.
    """

    def read(reply: Reply) -> list[Claimed]:
        return [read_claimed(item) for item in reply]

    args: tuple[Argument, ...] = (
        f"{owner}/{number}", lease_ms, slots, *retention, limits.tenant, limits.words,
        *queues,
    )  # fmt: skip
    return Command(CLAIM, args, read)


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

    return Command(RENEW, (lease_ms, *flat(attempts)), read)


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
    id: str,
    fence: int,
    result: str | bytes,
    artifacts: Iterable[PublishedArtifact],
    retention: Retention,
) -> Command[Settled]:
    """End the attempt with a result (JSON)."""
    more: list[Argument] = []
    for one in artifacts:
        more += [one.id, one.name, one.media_type, one.size_bytes, one.sha256]
    return settle(id, fence, State.SUCCESS, result, 0, retention, more)


def fail(id: str, fence: int, failure: Failure, retention: Retention) -> Command[Settled]:
    """End the job with an error."""
    return settle(id, fence, State.FAILURE, failure.dumps(), 0, retention)


def retry(id: str, fence: int, failure: Failure, delay_ms: int, retention: Retention) -> Command[Settled]:
    """End the attempt with an error; the next one is due in ``delay_ms``, unless none is left."""
    return settle(id, fence, State.RETRY, failure.dumps(), delay_ms, retention)


def stop(id: str, fence: int, retention: Retention) -> Command[Settled]:
    """End a cancelled job, whose code has stopped."""
    return settle(id, fence, State.REVOKED, "", 0, retention)


def settle(
    id: str,
    fence: int,
    state: State,
    content: str | bytes,
    delay_ms: int,
    retention: Retention,
    more: Iterable[Argument] = (),
) -> Command[Settled]:
    """Call the one script behind succeed, fail, retry and stop."""
    args = (id, fence, state, content, delay_ms, *retention, *more)
    return Command(SETTLE, args, read_settled)


def read_settled(reply: Reply) -> Settled:
    """Read the reply of settle and of lose."""
    return Settled(reply[0] != b"late", State(reply[1].decode()))


def lose(id: str, fence: int, retention: Retention) -> Command[Settled]:
    """Report that the process which ran the attempt died."""
    return Command(LOSE, (id, fence, *retention), read_settled)


def release(attempts: Iterable[tuple[str, int]], retention: Retention) -> Command[list[str]]:
    """Hand running jobs back to the front of their queue; the attempt does not count."""
    return Command(RELEASE, (*retention, *flat(attempts)), words)


@dataclass(frozen=True, slots=True)
class Disowned:
    """Answer one step of a disown: the jobs that wait again; ``after`` is empty when nothing is left."""

    jobs: list[str]
    after: str


def disown(owner: str, number: int, retention: Retention, after: str = "") -> Command[Disowned]:
    """Hand back what a claim started whose reply was lost: none of it began. Go on ``after`` while told."""

    def read(reply: Reply) -> Disowned:
        return Disowned(words(reply[1]), reply[0].decode())

    args = (f"{owner}/{number}", after, *retention)
    return Command(DISOWN, args, read)


@dataclass(frozen=True, slots=True)
class Noted:
    """Answer a report: ``is_current`` is false for a late attempt."""

    is_current: bool
    cancel_requested: bool


def report(id: str, fence: int, kind: str, content: str) -> Command[Noted]:
    """Tell the running attempt's ``progress``, or add a line to its ``log`` (content: JSON)."""

    def read(reply: Reply) -> Noted:
        return Noted(reply[0] == b"noted", len(reply) > 1 and reply[1] == b"1")

    return Command(REPORT, (id, fence, kind, content), read)
