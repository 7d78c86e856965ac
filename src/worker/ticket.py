"""What a claim gives to one attempt, on its way through Celery.

`message.to_message` writes it, as one header of Celery's message; `ticket_of` reads it from whatever Celery
makes of that message. A prefork child gets it pickled with every job, so it is a tuple of plain values.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from jobline.ledger.commands.attempts import Claimed

#: The header's name; Celery offers it as an attribute of a running task's request.
HEADER = "jobline"


class Ticket(NamedTuple):
    """The right to run one attempt, and to report how it ended."""

    job_id: str
    task: str
    #: Counted from 1.
    attempt: int
    max_attempts: int
    #: The ledger takes reports from the attempt with the job's newest fence alone.
    fence: int
    timeout_s: float

    @classmethod
    def of(cls, job: Claimed) -> Self:
        """Return the ticket of a claimed job."""
        return cls(job.id, job.task, job.attempt, job.max_attempts, job.fence, job.timeout_ms / 1000)


def ticket_of(request: Any) -> Ticket:
    """Return the ticket of a Celery request; raises LookupError for a task that did not come from the ledger.

    ``request`` is the headers of a message in the parent, and Celery's Context where the task runs.
    """
    found: Ticket | None = request.get(HEADER)
    if found is None:
        raise LookupError("This task runs in a Jobline worker only: submit a job, or use `jobline.testing`.")
    return found


def find_ticket(request: Any) -> Ticket | None:
    """Return the ticket of a Celery request, or None where there is none."""
    found: Ticket | None = request.get(HEADER) if request is not None else None
    return found
