"""The numbers of a worker's claims, by which it releases those whose replies were lost.

Each channel that consumes jobs has at most one claim in flight, and takes its reply for its own. Several
channels of one worker (a `ConsumerStep` of a user beside the tasks) must not release each other's.
"""

from __future__ import annotations

from typing import Any
from weakref import ReferenceType, ref


class ClaimNumbers:
    """Numbers for the claims of one worker; they outlive its connections."""

    def __init__(self) -> None:
        self._last = 0
        #: The claims that were sent and whose replies were not read, each with its channel.
        self._unread: dict[int, ReferenceType[Any]] = {}

    def take(self, channel: object) -> int:
        """Return the number of the channel's next claim, which is unread from now on."""
        self._last += 1
        self._unread[self._last] = ref(channel)
        return self._last

    def find_lost(self, channel: object) -> int | None:
        """Return a claim to release before the channel sends its next one: its own, or of one that closed."""
        for number, taker in self._unread.items():
            owner = taker()
            if owner is None or owner is channel or owner.closed:
                return number
        return None

    @property
    def unread(self) -> int | None:
        """The oldest claim whose reply was not read; for a worker whose event loop has ended."""
        return next(iter(self._unread), None)

    def settle(self, number: int) -> None:
        """Forget a claim that was read or released."""
        self._unread.pop(number, None)
