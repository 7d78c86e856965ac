"""When a failed attempt is followed by another, and after how long; pure."""

import random
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict

from jobline.domain.errors import TaskError


class RetryPolicy(BaseModel):
    """Wait ``first_s``, then ``factor`` times longer each time, up to ``max_s`` (seconds), with jitter.

    ``jitter`` is the part of each wait that is drawn at random: 0.5 waits between half and the whole of it,
    so that jobs which failed together do not come back together (exponential backoff with "equal jitter").
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)

    first_s: Annotated[float, Ge(0), Le(86_400)] = 1.0
    factor: Annotated[float, Ge(1), Le(10)] = 2.0
    max_s: Annotated[float, Gt(0), Le(86_400)] = 600.0
    jitter: Annotated[float, Ge(0), Le(1)] = 0.5
    #: Retry an attempt that ran past ``timeout_s``; it would often only run out of time again.
    on_timeout: bool = False
    #: Retry an exception that is no TaskError. The attempts stay bounded by ``max_attempts``.
    on_exception: bool = True

    def delay_s(self, attempt: int, draw: float | None = None) -> float:
        """Say how long to wait after attempt number ``attempt`` (from 1), in seconds.

        ``draw`` in [0, 1) replaces the random number, for tests.
        """
        whole = min(self.max_s, self.first_s * self.factor ** min(attempt - 1, 64))
        share = random.random() if draw is None else draw  # noqa: S311 - spreads load, keeps no secret
        return whole * (1 - self.jitter * share)

    def allows(self, error: BaseException) -> bool:
        """Claim that an attempt which ended with ``error`` deserves another."""
        if isinstance(error, TaskError):
            return error.retryable
        if isinstance(error, TimeoutError):
            return self.on_timeout
        if isinstance(error, MemoryError):
            return False
        return self.on_exception


NO_RETRY = RetryPolicy(on_exception=False)
