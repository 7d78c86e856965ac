"""The verbs of attempts: claim, renew, report, settle (succeed, fail, retry, stop), rescue, release."""

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
RESCUE = Script("rescue")
RELEASE = Script("release")
RELEASE_CLAIM = Script("release_claim")
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
    """How many jobs may run at once: of each tenant (0: any number), and of each task with a limit."""

    tenant: int = 0
    tasks: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def words(self) -> str:
        """The limits of tasks as the script reads them."""
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
    unblock: Iterable[str] = (),
    number: int = 0,
) -> Command[list[Claimed]]:
    """Start the next waiting jobs, at most ``slots``; tenants are served in rotation, within ``limits``.

    A limit of 0 leaves all jobs of a task to the workers that name the task in ``unblock``. ``number``
    distinguishes the claims of one owner, for `release_claim`.
    """

    def read(reply: Reply) -> list[Claimed]:
        return [read_claimed(item) for item in reply]

    args: tuple[Argument, ...] = (
        f"{owner}/{number}", lease_ms, slots, *retention, limits.tenant, limits.words,
        " ".join(unblock), *queues,
    )  # fmt: skip
    return Command(CLAIM, args, read)


def read_claimed(item: Reply) -> Claimed:
    """Read one job of a claim's reply."""
    id_, partition, attempt, max_attempts, fence, timeout_ms, input_ = item
    _, task, queue = partition.decode().split(":")
    return Claimed(
        id=id_.decode(),
        task=task,
        queue=queue,
        attempt=int(attempt),
        max_attempts=int(max_attempts),
        fence=int(fence),
        timeout_ms=int(timeout_ms),
        input=input_,
    )


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal found: jobs that the worker has lost, jobs to cancel, the number of current attempts."""

    lost: list[str]
    cancelled: list[str]
    current: int


def renew(attempts: Iterable[tuple[str, int]], *, lease_ms: int) -> Command[Renewed]:
    """Extend the leases of the attempts ``(job id, fence)``."""

    def read(reply: Reply) -> Renewed:
        lost, cancelled, current = reply
        return Renewed(words(lost), words(cancelled), current)

    return Command(RENEW, (lease_ms, *flat(attempts)), read)


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """Stored bytes that become the job's artifact when it succeeds."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt: ``is_current`` is false for a late one, which wrote nothing."""

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
    """Return the command behind succeed, fail, retry and stop, which share a script."""
    args = (id, fence, state, content, delay_ms, *retention, *more)
    return Command(SETTLE, args, read_settled)


def read_settled(reply: Reply) -> Settled:
    """Read the reply of settle and of rescue."""
    word, state = reply
    return Settled(word != b"late", State(state.decode()))


def rescue(id: str, fence: int, retention: Retention) -> Command[Settled]:
    """End an attempt whose process died: the job waits for its next attempt, or ends."""
    return Command(RESCUE, (id, fence, *retention), read_settled)


def release(attempts: Iterable[tuple[str, int]], retention: Retention) -> Command[list[str]]:
    """Return running jobs to the front of their queue; the attempts do not count."""
    return Command(RELEASE, (*retention, *flat(attempts)), words)


@dataclass(frozen=True, slots=True)
class ReleasedClaim:
    """What one call released; ``after`` is empty when nothing is left."""

    jobs: list[str]
    after: str


def release_claim(owner: str, number: int, retention: Retention, after: str = "") -> Command[ReleasedClaim]:
    """Release all that a claim started whose reply was lost: none of it began.

    A call does bounded work; call it with the ``after`` of the last one until that is empty.
    """

    def read(reply: Reply) -> ReleasedClaim:
        after, jobs = reply
        return ReleasedClaim(words(jobs), after.decode())

    args = (f"{owner}/{number}", after, *retention)
    return Command(RELEASE_CLAIM, args, read)


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report found: ``is_current`` is false for a late attempt."""

    is_current: bool
    cancel_requested: bool


def report(id: str, fence: int, kind: str, content: str) -> Command[Reported]:
    """Store the running attempt's ``progress``, or add a line to its ``log`` (content: JSON)."""

    def read(reply: Reply) -> Reported:
        word, *cancel = reply
        return Reported(word == b"reported", cancel == [b"1"])

    return Command(REPORT, (id, fence, kind, content), read)
