"""Every error that Jobline raises on purpose, as one tree; of HTTP, only the status number.

::

    JoblineError
    ├── DeclarationError       a task that cannot be offered as it is declared (at import)
    ├── SettingsError          a setting that cannot work (at start)
    ├── TaskError              raised by a task: a failure, with a code of the task's own
    ├── TimeLimitReached       the worker stopped an attempt at its time limit
    ├── LedgerUnavailable      Redis does not answer, or refuses the write
    │   └── LedgerUnusable     Redis answers, and a retry does not help until somebody changes it
    │       ├── LedgerVersion  the ledger was written by another version of Jobline
    │       └── LedgerMode     Redis runs as a part of a cluster, or is a Sentinel
    └── Refused                a request that the ledger or a rule refuses
        ├── NotFound           no such job, task or file
        │   └── Gone           it existed, and expired
        ├── Conflict           the job's state does not allow it
        ├── KeyReused          an Idempotency-Key that belongs to another request
        ├── QueueFull          the queue has reached its limit of waiting jobs
        ├── Unprocessable      the content of the request is wrong
        ├── TooLarge           more bytes than the limit
        ├── StorageFull        the disk does not take the file
        └── UnsupportedMedia   bytes of a type that is not accepted
    JobCancelled               (BaseException) stops an attempt whose job was cancelled
"""

from __future__ import annotations

from dataclasses import dataclass

#: For a task that catches too much, and shows or logs what it caught.
CANCELLED = (
    "The job was cancelled. Jobline raises this exception to stop the task: do not catch it. "
    "Clean up in `finally`, or check `job.cancelled` and return; `except Exception` lets it pass, "
    "a bare `except` or `except BaseException` must raise it again."
)


class JoblineError(Exception):
    """The root of every error that Jobline raises on purpose."""


class DeclarationError(JoblineError):
    """A task's declaration is wrong; the message names the function and what to change."""


class SettingsError(JoblineError):
    """A setting is wrong; the message names the variable."""


class TaskError(JoblineError):
    """End the attempt with a code that clients can act on.

    ``code`` is a dotted word of the task's family (``image.corrupt``). ``retryable`` asks for another
    attempt, within ``max_attempts``. ``retry_after_s`` sets the wait, instead of the task's retry policy.
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


class TimeLimitReached(JoblineError):
    """The attempt ran past its ``timeout_s``."""


class JobCancelled(BaseException):
    """Stops the attempt of a cancelled job. A BaseException, so that no ``except Exception`` catches it."""

    def __init__(self, message: str = CANCELLED) -> None:
        super().__init__(message)


class LedgerUnavailable(JoblineError):
    """Redis cannot be reached or refuses to write; whether anything was stored is not known."""

    code = "ledger-unavailable"
    status = 503
    title = "Redis is unavailable"
    retry_after_s = 2


class LedgerUnusable(LedgerUnavailable):
    """Redis answers, but Jobline cannot use it until somebody changes that."""

    code = "ledger-unusable"
    title = "Redis cannot be used"
    retry_after_s = 60


class LedgerMode(LedgerUnusable):
    """Redis runs in a mode in which Jobline's scripts cannot work."""

    code = "ledger-mode"
    title = "Redis runs in a mode that is not supported"

    def __init__(self, mode: str) -> None:
        super().__init__(
            f"the Redis of JOBLINE_REDIS_URL runs in {mode} mode, which Jobline does not support, since its "
            "scripts use keys of every slot; name a Redis that runs by itself"
        )


class LedgerVersion(LedgerUnusable):
    """The ledger was written by another version of Jobline, and this version would misread it."""

    code = "ledger-version"
    title = "The ledger has another version"

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
    """One wrong part of a request: a JSON pointer to it (RFC 6901), and what is wrong."""

    pointer: str
    detail: str


class Refused(JoblineError):
    """The request was understood and refused; nothing was stored."""

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
    """It does not exist, or the caller may not see it; ``about`` is its id, where it has one."""

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
    """The queue has reached its limit of waiting jobs."""

    code, status, title = "queue-full", 429, "The queue is full"


class Unprocessable(Refused):
    """The request is well formed, and its content is wrong."""

    code, status, title = "validation-error", 422, "The request is not valid"


class TooLarge(Refused):
    """More bytes than the limit allows."""

    code, status, title = "too-large", 413, "Too large"


class StorageFull(Refused):
    """The disk is full, or does not take the file for another reason."""

    code, status, title = "storage-full", 507, "The file cannot be stored"


class UnsupportedMedia(Refused):
    """The bytes are of a type that is not accepted."""

    code, status, title = "unsupported-media-type", 415, "Unsupported media type"
