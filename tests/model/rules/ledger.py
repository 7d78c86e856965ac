"""What all moves share: time and stamps, how a job waits, moves, ends, and is forgotten."""

from __future__ import annotations

from collections import Counter

from tests.model.entities import (
    FILE_MS,
    FINAL,
    FINAL_EVENT,
    RESULT_MS,
    WAKE_TOKENS,
    Batch,
    File,
    Job,
)


class Ledger:
    """The state of the model; every question is a search of a dictionary."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000
        self.clock = 0
        self.jobs: dict[str, Job] = {}
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, File] = {}
        self.gone: dict[str, str] = {}
        #: uploads whose process died before it recorded them, by the time at which they expire
        self.reserved: dict[str, int] = {}
        self.trash: set[str] = set()
        self.wake: dict[str, int] = {}
        #: the queues that the ledger counts; the tick drops those that are empty
        self.counted: set[str] = set()
        self.paused: set[str] = set()
        self.cancels: dict[str, set[str]] = {}
        self.beats: dict[str, int] = {}
        self.last_tick = 0
        self.rescue_after = 0
        #: how many jobs ended, by minute and queue
        self.ended: Counter[tuple[int, str]] = Counter()
        #: (job, type) of all events, as the feed has them
        self.emitted: list[tuple[Job, str]] = []
        self.tasks_running: Counter[str] = Counter()
        self.tenants_running: Counter[str] = Counter()
        #: tenant -> queues in whose rotation it is not, while it is at its limit
        self.at_limit: dict[str, set[str]] = {}
        #: task -> line -> when it was served last, of the lines with blocked jobs
        self.served: dict[str, dict[str, tuple[int, int]]] = {}
        #: the tasks with blocked jobs that a worker did not know
        self.unserved: set[str] = set()

    # time

    @property
    def now(self) -> int:
        """The time in milliseconds."""
        return self.now_us // 1000

    def stamp(self, count: int = 1) -> int:
        """Return the next stamp, the time or one above the last; of several in a row, the first."""
        first = max(self.now_us, self.clock + 1)
        self.clock = first + count - 1
        return first

    # waiting

    def waiting(self, queue: str) -> list[Job]:
        """List a queue's jobs that may be claimed, in their order."""
        found = [
            job for job in self.jobs.values() if job.queue == queue and job.queue_stamp and not job.is_blocked
        ]
        return sorted(found, key=lambda job: job.order)

    def waiting_of(self, queue: str, tenant: str) -> list[Job]:
        """List what one tenant has waiting in a queue, in its order."""
        return [job for job in self.waiting(queue) if job.tenant == tenant]

    def blocked(self, task: str, line: str) -> list[Job]:
        """List the blocked jobs of a task in one line, in their order."""
        found = [
            job
            for job in self.jobs.values()
            if job.is_blocked and (job.task, job.queue_tenant) == (task, line)
        ]
        return sorted(found, key=lambda job: job.order)

    def depth(self, queue: str) -> int:
        """Count what waits in a queue, for whatever."""
        return sum(job.queue == queue and bool(job.queue_stamp or job.due) for job in self.jobs.values())

    def enqueue(self, job: Job, stamp: int) -> None:
        """Add a job to its queue, and wake a worker."""
        job.queue_stamp = stamp
        self.counted.add(job.queue)
        self.wake_up(job.queue)

    def wake_up(self, queue: str, tokens: int = 1) -> None:
        """Leave tokens for idle workers."""
        self.wake[queue] = min(WAKE_TOKENS, self.wake.get(queue, 0) + tokens)

    # moving

    def tell(self, job: Job, kind: str) -> None:
        """Add an event."""
        job.events.append(kind)
        self.emitted.append((job, kind))

    def move(self, job: Job, state: str) -> None:
        """Change a job's state; a job that runs no longer releases its permits."""
        if job.batch:
            counts = self.batches[job.batch].counts
            counts[job.state] -= 1
            counts[state] += 1
        job.state = state
        if state != "STARTED":
            self.release_permits(job)

    def release_permits(self, job: Job) -> None:
        """Hand a job's count on to the next blocked job; let its tenant be served again."""
        permits, job.permits = job.permits, []
        if "task" in permits and not self.unblock_next(job.task):
            count_down(self.tasks_running, job.task)
        if "tenant" in permits:
            count_down(self.tenants_running, job.tenant)
            for queue in self.at_limit.pop(job.tenant, ()):
                self.wake_up(queue)

    def unblock_next(self, task: str) -> bool:
        """Return the next blocked job of a task to its queue, tenant by tenant; False if none is blocked."""
        lines = self.served.setdefault(task, {})
        while lines:
            line = min(lines, key=lambda name: (lines[name], name))
            found = self.blocked(task, line)
            if found:
                lines[line] = (self.now_us, 0)
                found[0].permits, found[0].is_blocked = ["task"], False
                self.wake_up(found[0].queue)
                return True
            del lines[line]
        return False

    def end(self, job: Job, state: str, code: str | None) -> None:
        """Move a job to a final state."""
        job.queue_stamp = job.due = job.lease = None
        job.is_blocked = False
        self.move(job, state)
        job.code, job.owner = code, None
        job.finished, job.forget_at = self.now, self.now + RESULT_MS
        job.subscribers = set()
        self.ended[self.now // 60_000, job.queue] += 1
        self.tell(job, FINAL_EVENT[state])
        for name in job.files:
            file = self.files.get(name)
            if file is not None:
                file.refs -= 1
                if file.refs <= 0 and file.job is None:
                    file.expires = self.now + FILE_MS

    def forget(self, job: Job) -> None:
        """Remove every trace of a final job but a tombstone."""
        assert job.state in FINAL
        del self.jobs[job.id]
        self.gone[job.id] = job.tenant
        if job.batch and not any(one.batch == job.batch for one in self.jobs.values()):
            del self.batches[job.batch]
            self.gone[job.batch] = job.tenant
        for made in job.artifacts.values():
            if self.files[made].refs > 0:
                self.files[made].job = None
            else:
                self.drop(made)

    def drop(self, name: str) -> None:
        """Send a file's bytes to the trash."""
        del self.files[name]
        self.trash.add(name)

    # finding

    def find(self, job_id: str, tenant: str) -> Job | str:
        """Return a job as one tenant sees it."""
        job = self.jobs.get(job_id)
        if job is None or job.tenant != tenant:
            return "gone" if self.gone.get(job_id) == tenant else "unknown"
        return job

    def current(self, job_id: str, fence: int) -> Job | None:
        """Return the job of an attempt that may write."""
        job = self.jobs.get(job_id)
        return job if job and job.state == "STARTED" and job.fence == fence else None

    def is_too_late(self, job: Job) -> bool:
        """Return whether it is too late to start a job."""
        return job.start_by is not None and job.attempt == 0 and job.start_by <= self.now


def count_down(counts: Counter[str], name: str) -> None:
    """Count one less, down to nothing."""
    counts[name] -= 1
    if counts[name] <= 0:
        del counts[name]
