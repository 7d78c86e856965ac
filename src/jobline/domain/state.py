"""The six states of a job and the legal transitions between them; nothing else.

The names are Celery's own, so a stock ``AsyncResult`` and the API cannot disagree.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a job is in its life."""

    #: Set by submit. Waits in its queue, or in the due set until ``run_at``.
    PENDING = "PENDING"
    #: Set by claim, when a worker takes the job. One attempt runs under a lease.
    STARTED = "STARTED"
    #: Set by settle, rescue, release or tick. An attempt ended without a result; the next waits or is due.
    RETRY = "RETRY"
    #: Set by settle. Final: the result is stored.
    SUCCESS = "SUCCESS"
    #: Set by settle, rescue or tick. Final: the error is stored.
    FAILURE = "FAILURE"
    #: Set by cancel, claim, settle, rescue, release or tick. Final: cancelled, or expired before its start.
    REVOKED = "REVOKED"

    @property
    def is_terminal(self) -> bool:
        """Whether no transition leads out of this state."""
        return self in TERMINAL


TERMINAL = frozenset({State.SUCCESS, State.FAILURE, State.REVOKED})

#: Every transition that the scripts may make. ``STARTED -> PENDING`` is the release of a first attempt.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTED, State.REVOKED}),
    State.STARTED: frozenset({State.SUCCESS, State.FAILURE, State.RETRY, State.REVOKED, State.PENDING}),
    State.RETRY: frozenset({State.STARTED, State.REVOKED}),
    State.SUCCESS: frozenset(),
    State.FAILURE: frozenset(),
    State.REVOKED: frozenset(),
}
