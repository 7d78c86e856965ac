"""Whether another attempt follows a failed one, and after how long; pure."""

import random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobline.domain.errors import TaskError, TimeLimitReached


class RetryPolicy(BaseModel):
    """Exponential backoff: ``first_s``, then ``factor`` times longer each time, up to ``max_s`` (seconds).

    ``jitter`` is the part of each wait that is random. With 0.5 a wait takes between half and all of it
    ("equal jitter"), so that jobs which failed together are not retried together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    first_s: Annotated[
        float, Field(ge=0, le=86_400, description="Seconds to wait before the second attempt.")
    ] = 1.0
    factor: Annotated[
        float, Field(ge=1, le=10, description="Factor by which the wait grows with each attempt.")
    ] = 2.0
    max_s: Annotated[float, Field(gt=0, le=86_400, description="Longest wait in seconds.")] = 600.0
    jitter: Annotated[float, Field(ge=0, le=1, description="Part of each wait that is random.")] = 0.5
    on_timeout: Annotated[
        bool,
        Field(description="Whether to retry after a timeout; most attempts would only time out again."),
    ] = False
    on_exception: Annotated[
        bool,
        Field(description="Whether to retry an exception that is not a TaskError, within `max_attempts`."),
    ] = True

    def delay_s(self, attempt: int, draw: float | None = None) -> float:
        """Return the wait after attempt number ``attempt`` (from 1), in seconds.

        ``draw`` in [0, 1) replaces the random number, for tests.
        """
        whole = min(self.max_s, self.first_s * self.factor ** min(attempt - 1, 64))
        share = random.random() if draw is None else draw  # noqa: S311 - it spreads load and protects no secret
        return whole * (1 - self.jitter * share)

    def allows(self, error: BaseException) -> bool:
        """Return whether an attempt that ended with ``error`` is retried."""
        if isinstance(error, TaskError):
            return error.retryable
        if isinstance(error, TimeLimitReached):
            return self.on_timeout
        if isinstance(error, MemoryError):
            return False
        return self.on_exception


NO_RETRY = RetryPolicy(on_exception=False)
