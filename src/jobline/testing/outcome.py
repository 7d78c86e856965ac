"""What one attempt did, as values that a test compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple

from typing_extensions import TypeVar

from jobline.domain.record import Failure
from jobline.domain.state import State

Result = TypeVar("Result")


class Progress(NamedTuple):
    """One call of ``job.progress``."""

    done: float
    total: float | None
    unit: str
    message: str


class LogLine(NamedTuple):
    """One call of ``job.log``."""

    level: str
    message: str
    fields: dict[str, Any]


class NoResult(AssertionError):
    """The attempt has no result, because it failed or was cancelled; its cause is the task's own error."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What one attempt did: its state, its result or error, and everything that it told its job."""

    #: What the attempt led to: SUCCESS, FAILURE, RETRY (another attempt would follow) or REVOKED (cancelled).
    state: State
    #: Every call of ``job.progress``, in order. The service shows at most ten a second.
    progress: list[Progress] = field(default_factory=list)
    #: Every call of ``job.log``, in order.
    log: list[LogLine] = field(default_factory=list)
    #: What the attempt published, by name. Only an attempt that succeeds publishes.
    artifacts: dict[str, bytes] = field(default_factory=dict)
    #: What clients read of a failure; set in FAILURE and RETRY.
    error: Failure | None = None
    #: Seconds until the next attempt; set in RETRY.
    retry_after_s: float | None = None
    _result: Result | None = field(default=None, repr=False)
    _cause: BaseException | None = field(default=None, repr=False)

    @property
    def result(self) -> Result:
        """The result, as the task's model; raises NoResult in any state but SUCCESS."""
        if self._result is None:
            what = f"{self.error.code}: {self.error.message}" if self.error else "the job was cancelled"
            raise NoResult(f"the attempt ended in {self.state}, without a result: {what}") from self._cause
        return self._result
