"""How an attempt can end, and the ledger's command for each end.

| What happened | Outcome | Command | The job's state |
| --- | --- | --- | --- |
| The task returned a result | Succeeded | succeed | SUCCESS |
| It failed, and may not be retried | Failed | fail | FAILURE |
| It failed, and is retried after a delay | RetryLater | retry | RETRY |
| Its code stopped because the job was cancelled | Cancelled | stop | REVOKED |
| Its worker stops, or cannot begin it | Released | release | PENDING; the attempt does not count |
| Its process died or was killed | Lost | lose | RETRY, due at once |
| … and it was the last attempt | Lost | lose | FAILURE, code `worker-lost` |
| … and the job was cancelled | Lost | lose | REVOKED |

Each outcome is decided in one place and comes here through one of Celery's hooks:

* `runner.perform` runs the task and returns Succeeded, Failed, RetryLater or Cancelled. `tracer` carries it
  through Celery's tracer to the result backend, and maps what the tracer reports by itself.
* `request` decides in the parent process: Lost when a child died, RetryLater or Failed past the hard time
  limit, Released when Celery cancels the attempt.
* `consumer`, `pulse` and `transport` release what this worker will not begin; jobs of unknown
  tasks are among them.

Whether a failed attempt is retried is one rule, `failures.conclude`. Values only: no I/O enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

from jobline.domain.record import Failure
from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.commands.attempts import PublishedArtifact
from jobline.ledger.commands.command import Command
from jobline.worker.ticket import Ticket


@dataclass(frozen=True, slots=True, repr=False)
class Succeeded:
    """A result (JSON), and the artifacts that the attempt published."""

    content: bytes
    artifacts: tuple[PublishedArtifact, ...] = ()

    def __repr__(self) -> str:  # Celery logs it
        return self.content[:200].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Failed:
    """An error that ends the job."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class RetryLater:
    """An error that ends the attempt; the next one is due after ``delay_ms``."""

    failure: Failure
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The code of a cancelled job has stopped."""


@dataclass(frozen=True, slots=True)
class Released:
    """This worker will not finish the attempt; another may run it at once."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The process that ran the attempt is gone."""


Outcome: TypeAlias = Succeeded | Failed | RetryLater | Cancelled | Released | Lost


def to_command(ticket: Ticket, outcome: Outcome, retention: Retention) -> Command[Any]:
    """Return the command that reports how an attempt ended; each outcome has a reply of its own."""
    job_id, fence = ticket.job_id, ticket.fence
    match outcome:
        case Succeeded(content, artifacts):
            return commands.attempts.succeed(job_id, fence, content, artifacts, retention)
        case Failed(failure):
            return commands.attempts.fail(job_id, fence, failure, retention)
        case RetryLater(failure, delay_ms):
            return commands.attempts.retry(job_id, fence, failure, delay_ms, retention)
        case Cancelled():
            return commands.attempts.stop(job_id, fence, retention)
        case Released():
            return release([ticket], retention)
        case Lost():
            return commands.attempts.rescue(job_id, fence, retention)
        case _:
            assert_never(outcome)


def release(tickets: Iterable[Ticket], retention: Retention) -> Command[list[str]]:
    """Return the command that reports many attempts as Released at once."""
    return commands.attempts.release([(ticket.job_id, ticket.fence) for ticket in tickets], retention)
