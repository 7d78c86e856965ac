"""Everything that Jobline raises on purpose, as one tree; of HTTP, nothing beyond the status number.

::

    JoblineError
    ├── DeclarationError       a task that cannot be offered as it is written (import time)
    ├── SettingsError          the environment asks for what cannot be (start)
    ├── TaskError              raised by a task: the job's failure, with a code of the task's own
    ├── LedgerUnavailable      Redis does not answer, or refuses the write
    │   └── LedgerVersion      the ledger was written by another version of Jobline
    └── Refused                a request that the ledger or a rule turns down
        ├── NotFound           no such job, task or file
        │   └── Gone           it was there, and expired
        ├── Conflict           the job's state does not allow it
        ├── KeyReused          an Idempotency-Key came back with another request
        ├── QueueFull          the queue holds as many waiting jobs as it may
        ├── Unprocessable      the input is not what the task takes
        ├── TooLarge           more bytes than the limit
        └── UnsupportedMedia   bytes of a type that the task does not take
    JobCancelled               (BaseException) stops an attempt whose job was cancelled
"""

from __future__ import annotations

from dataclasses import dataclass


class JoblineError(Exception):
    """Be the root of every error that Jobline raises on purpose."""


class DeclarationError(JoblineError):
    """A task's declaration is wrong; the message names the function and the mend."""


class SettingsError(JoblineError):
    """A setting is wrong; the message names the variable."""


class TaskError(JoblineError):
    """End the attempt with a code that clients can act on.

    ``code`` is a dotted word of the task's family (``image.corrupt``). ``retryable`` asks for another attempt
    within ``max_attempts``; ``retry_after_s`` says when, instead of the task's retry policy.
    """

    def __init__(
        self,
        code: str,
        message: str,
        retryable: bool = False,  # noqa: FBT001, FBT002 - read by name in every task
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class JobCancelled(BaseException):
    """Stop the attempt of a cancelled job. Not an ``Exception``, so that no task swallows it by accident."""


class LedgerUnavailable(JoblineError):
    """Redis cannot be reached or refuses to write; nothing is known to be stored."""

    code = "ledger-unavailable"
    status = 503
    title = "Redis is unavailable"
    retry_after_s = 2


class LedgerVersion(LedgerUnavailable):
    """The ledger was written by another version of Jobline, and this version would misread it."""

    code = "ledger-version"
    title = "The ledger has another version"
    retry_after_s = 60

    def __init__(self, prefix: str, found: int, known: int) -> None:
        way_out = (
            "upgrade Jobline"
            if found > known
            else "let the version that wrote it finish its jobs and empty the ledger"
        )
        super().__init__(
            f"the ledger under the prefix {prefix} has version {found}, this program reads version {known}: "
            f"{way_out}, or use another JOBLINE_PREFIX"
        )


@dataclass(frozen=True, slots=True)
class FieldError:
    """Point at one wrong place of a request by a JSON pointer (RFC 6901), and say what is wrong there."""

    pointer: str
    detail: str


class Refused(JoblineError):
    """A request was understood and turned down; nothing was stored."""

    code = "refused"
    status = 400
    title = "The request was refused"

    def __init__(
        self, detail: str, *, errors: tuple[FieldError, ...] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s


class NotFound(Refused):
    """No such thing, or none that the caller may see; ``about`` is its id, where it has one."""

    code, status, title = "not-found", 404, "Not found"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), about: str = "") -> None:
        super().__init__(detail, errors=errors)
        self.about = about


class Gone(NotFound):
    """It existed, and its time to live has passed."""

    code, status, title = "gone", 410, "Expired"


class Conflict(Refused):
    """The job's state does not allow this."""

    code, status, title = "conflict", 409, "The job's state does not allow this"


class KeyReused(Refused):
    """The Idempotency-Key belongs to another request."""

    code, status, title = "idempotency-key-reused", 422, "The Idempotency-Key belongs to another request"


class QueueFull(Refused):
    """The queue holds as many waiting jobs as it may."""

    code, status, title = "queue-full", 429, "The queue is full"


class Unprocessable(Refused):
    """The request is well formed, and its content is wrong."""

    code, status, title = "validation-error", 422, "The request is not valid"


class TooLarge(Refused):
    """More bytes than the limit allows."""

    code, status, title = "too-large", 413, "Too large"


class UnsupportedMedia(Refused):
    """The bytes are of a type that is not taken here."""

    code, status, title = "unsupported-media-type", 415, "Unsupported media type"
