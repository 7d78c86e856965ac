"""How one attempt can end, as the runner tells the backend; values only."""

from __future__ import annotations

from jobline.domain.record import Failure
from jobline.ledger.commands.attempts import PublishedArtifact


class Outcome:
    """Hold the result (JSON) of an attempt that succeeded, and the artifacts that it published."""

    __slots__ = ("artifacts", "content")

    def __init__(self, content: bytes, artifacts: tuple[PublishedArtifact, ...]) -> None:
        self.content = content
        self.artifacts = artifacts

    def __repr__(self) -> str:
        return self.content[:200].decode(errors="replace")


class Failed(Exception):
    """End the job with an error."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return f"{self.failure.code}: {self.failure.message}"

    __repr__ = __str__


class Again(Exception):
    """End the attempt with an error; the next is due in ``delay_ms``. Raised inside Celery's own Retry."""

    def __init__(self, failure: Failure, delay_ms: int) -> None:
        super().__init__(failure, delay_ms)
        self.failure = failure
        self.delay_ms = delay_ms

    def __str__(self) -> str:
        return f"{self.failure.code}: {self.failure.message}"

    __repr__ = __str__
