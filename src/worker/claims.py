"""The numbers of a worker's claims, by which it releases one whose reply was lost."""

from __future__ import annotations


class ClaimNumbers:
    """Numbers for the claims of one worker; they outlive its connections."""

    def __init__(self) -> None:
        self._last = 0
        #: The claim that was sent and whose reply was not read; no other is sent until it is read or
        #: released.
        self.unread: int | None = None

    def take(self) -> int:
        """Return the number of the next claim, which is unread from now on."""
        self._last += 1
        self.unread = self._last
        return self._last
