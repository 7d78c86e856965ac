"""The six states of a job and the legal moves between them; nothing else.

They are Celery's own words, so that a stock ``AsyncResult`` and the API can never disagree.
"""

from enum import StrEnum


class State(StrEnum):
    """Say where a job stands in its life."""

    #: Set by submit. Waits in its queue, or in the due set until ``run_at``.
    PENDING = "PENDING"
    #: Set by claim, when a worker takes the job. One attempt runs under a lease.
    STARTED = "STARTED"
    #: Set by settle, release, disown or tick. An attempt ended without a result; the next waits or is due.
    RETRY = "RETRY"
    #: Set by settle. Final: the result is stored.
    SUCCESS = "SUCCESS"
    #: Set by settle or tick. Final: the error is stored.
    FAILURE = "FAILURE"
    #: Set by cancel, settle, claim or tick. Final: the job was cancelled, or expired before it could start.
    REVOKED = "REVOKED"

    @property
    def is_terminal(self) -> bool:
        """Claim that no move leads out of this state."""
        return self in TERMINAL

    @property
    def is_waiting(self) -> bool:
        """Claim that a worker may start the job from this state."""
        return self in WAITING


TERMINAL = frozenset({State.SUCCESS, State.FAILURE, State.REVOKED})
WAITING = frozenset({State.PENDING, State.RETRY})

#: Every move that the scripts may make. ``STARTED -> PENDING`` is a planned stop of a first attempt.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTED, State.REVOKED}),
    State.STARTED: frozenset({State.SUCCESS, State.FAILURE, State.RETRY, State.REVOKED, State.PENDING}),
    State.RETRY: frozenset({State.STARTED, State.REVOKED}),
    State.SUCCESS: frozenset(),
    State.FAILURE: frozenset(),
    State.REVOKED: frozenset(),
}
