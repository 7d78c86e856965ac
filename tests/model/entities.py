"""The entities of the model: jobs, batches and files; and the TTLs on its clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LEASE_MS = 4_000
RESULT_MS = 10_000
FILE_MS = 20_000
TOMBSTONE_MS = 5_000
TICK_GAP_MS = 3_000
QUEUE_LIMIT = 7
WAKE_TOKENS = 64
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
FINAL_EVENT = {"SUCCESS": "job.succeeded", "FAILURE": "job.failed", "REVOKED": "job.revoked"}
#: Two tasks; claims may set a limit of running jobs for the second.
TASK, FEW = "model.task", "model.few"


@dataclass
class Job:
    """One job."""

    id: str
    tenant: str
    task: str
    queue: str
    priority: int
    max_attempts: int
    stamp: int = 0
    tags: tuple[str, ...] = ()
    idem: str = ""
    fingerprint: str = ""
    files: tuple[str, ...] = ()
    batch: str | None = None
    retry_of: str | None = None
    retried_as: str | None = None
    run_at: int | None = None
    start_by: int | None = None
    state: str = "PENDING"
    attempt: int = 0
    fence: int = 0
    owner: str | None = None
    cancel: bool = False
    #: the stamp by which it waits; None when it does not
    queue_stamp: int | None = None
    #: waits beside its queue, for a running job of its task to end
    is_blocked: bool = False
    #: the limits under which it counts as running: task, tenant
    permits: list[str] = field(default_factory=list)
    due: int | None = None
    lease: int | None = None
    started: int | None = None
    finished: int | None = None
    forget_at: int | None = None
    code: str | None = None
    progress: str | None = None
    answered: bool = False
    subscribers: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    artifacts: dict[str, str] = field(default_factory=dict)

    @property
    def queue_tenant(self) -> str:
        """The queue and the tenant that it waits in."""
        return f"{self.queue}:{self.tenant}"

    @property
    def order(self) -> tuple[int, int]:
        """Its rank among the jobs of its queue and tenant."""
        return -self.priority, self.queue_stamp or 0


@dataclass
class Batch:
    """One batch."""

    id: str
    tenant: str
    tags: tuple[str, ...] = ()
    idem: str = ""
    fingerprint: str = ""
    stamp: int = 0
    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class File:
    """One file."""

    tenant: str
    expires: int | None
    refs: int = 0
    job: str | None = None


@dataclass(frozen=True)
class Times:
    """The times of one order."""

    delay_ms: int | None = None
    expires_ms: int | None = None
