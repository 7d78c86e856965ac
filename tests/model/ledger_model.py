"""The legal moves of jobs and files, in plain Python: what the ledger's scripts must do, said a second time.

Written from docs/guarantees.md and the heads of the scripts, with none of their ways: no indexes, no keys; a
dictionary of jobs is searched for whatever is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LEASE_MS = 4_000
RESULT_MS = 10_000
FILE_MS = 20_000
TOMBSTONE_MS = 5_000
TICK_GAP_MS = 3_000
QUEUE_LIMIT = 6
FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
FINAL_EVENT = {"SUCCESS": "job.succeeded", "FAILURE": "job.failed", "REVOKED": "job.revoked"}


@dataclass
class Job:
    """Hold what is true of one job."""

    id: str
    tenant: str
    task: str
    queue: str
    priority: int
    max_attempts: int
    stamp: int
    tags: tuple[str, ...] = ()
    idem: str = ""
    fingerprint: str = ""
    files: tuple[str, ...] = ()
    run_at: int | None = None
    start_by: int | None = None
    state: str = "PENDING"
    attempt: int = 0
    fence: int = 0
    owner: str | None = None
    cancel: bool = False
    #: the stamp by which it waits; None when it does not
    turn: int | None = None
    due: int | None = None
    lease: int | None = None
    started: int | None = None
    finished: int | None = None
    forget_at: int | None = None
    code: str | None = None
    result: str | None = None
    progress: str | None = None
    watchers: set[str] = field(default_factory=set)
    events: list[str] = field(default_factory=list)
    artifacts: dict[str, str] = field(default_factory=dict)


@dataclass
class File:
    """Hold what is true of one file."""

    tenant: str
    expires: int | None
    refs: int = 0
    job: str | None = None


class Model:
    """Move jobs as the ledger should."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000
        self.clock = 0
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, File] = {}
        self.gone: dict[str, str] = {}
        self.trash: set[str] = set()
        self.wake: dict[str, int] = {}
        self.cancels: dict[str, set[str]] = {}
        self.beats: dict[str, int] = {}
        self.last_tick = 0
        self.hold = 0

    @property
    def now(self) -> int:
        """Say the time in milliseconds."""
        return self.now_us // 1000

    def stamp(self) -> int:
        """Give the next stamp: the time, or one above the last."""
        self.clock = max(self.now_us, self.clock + 1)
        return self.clock

    def waiting(self, queue: str) -> list[Job]:
        """List a queue's jobs that may be claimed, in their order."""
        found = [job for job in self.jobs.values() if job.queue == queue and job.turn is not None]
        return sorted(found, key=lambda job: (-job.priority, job.turn or 0))

    # submit

    def submit(self, job: Job, delay_ms: int | None, expires_ms: int | None) -> tuple[str, str]:
        """Store a job; answers the word, and what it is about."""
        known = next((one for one in self.jobs.values() if job.idem and one.idem == job.idem), None)
        if known is not None:
            return ("reused" if known.fingerprint != job.fingerprint else "replayed"), known.id
        if job.id in self.jobs:
            return "replayed", job.id
        for file in job.files:
            if file not in self.files:
                return ("gone-file" if file in self.gone else "no-file"), file
        lined = [one for one in self.jobs.values() if one.queue == job.queue and (one.turn or one.due)]
        if len(lined) >= QUEUE_LIMIT:
            return "full", ""
        job.stamp = self.stamp()
        if delay_ms is not None:
            job.run_at = self.now + delay_ms
        if expires_ms is not None:
            job.start_by = self.now + expires_ms
        for file in job.files:
            self.files[file].refs += 1
            self.files[file].expires = None
        self.jobs[job.id] = job
        job.events.append("job.created")
        if delay_ms:
            job.due = job.run_at
        else:
            self.enqueue(job, job.stamp)
        return "created", job.id

    def enqueue(self, job: Job, stamp: int) -> None:
        """Make a job wait, and wake a worker."""
        job.turn = stamp
        self.wake[job.queue] = min(64, self.wake.get(job.queue, 0) + 1)

    # attempts

    def line(self, queue: str, tenant: str) -> list[Job]:
        """List what one tenant has waiting in a queue, in its order."""
        return [job for job in self.waiting(queue) if job.tenant == tenant]

    def claim(
        self, owner: str, queues: list[str], slots: int, chosen: list[str], revoked: set[str]
    ) -> list[Job]:
        """Start the jobs that the ledger chose, if it might choose them; answers them as they are then.

        Whose turn it is among tenants is the ledger's to say, in so far as each gets one; so is which of the
        jobs that are too late to start it happens to meet (``revoked``).
        """
        assert len(chosen) <= slots
        self.expect_turns(queues, slots, chosen)
        for name in revoked:
            job = self.jobs[name]
            assert job.turn is not None
            assert job.queue in queues
            assert self.is_too_late(job)
            self.end(job, "REVOKED", code="expired")
        started = []
        for name in chosen:
            job = self.jobs[name]
            assert self.line(job.queue, job.tenant)[0] is job, "a job is claimed ahead of its line"
            assert all(not self.waiting(one) for one in queues[: queues.index(job.queue)])
            assert not self.is_too_late(job), "a job starts after its time"
            job.turn = None
            job.attempt, job.fence = job.attempt + 1, job.fence + 1
            job.state, job.owner, job.started = "STARTED", f"{owner}/0", self.now
            job.lease = self.now + LEASE_MS
            job.events.append("job.started")
            started.append(job)
        if len(chosen) < slots:
            assert all(not self.waiting(queue) for queue in queues), "a slot is free and a job waits"
        return started

    def expect_turns(self, queues: list[str], slots: int, chosen: list[str]) -> None:
        """Hold that two tenants who wait in the first queue both get one of several slots."""
        waiting = {job.tenant for job in self.waiting(queues[0])}
        late = any(self.is_too_late(job) for job in self.waiting(queues[0]))
        if slots >= len(waiting) and not late:
            assert waiting <= {self.jobs[name].tenant for name in chosen}, "a tenant gets no turn"

    def is_too_late(self, job: Job) -> bool:
        """Claim that a job may not start any more."""
        return job.start_by is not None and job.attempt == 0 and job.start_by <= self.now

    def current(self, job_id: str, fence: int) -> Job | None:
        """Find the job of an attempt that may write."""
        job = self.jobs.get(job_id)
        return job if job and job.state == "STARTED" and job.fence == fence else None

    def renew(self, held: list[tuple[str, int]]) -> tuple[list[str], list[str], int]:
        """Extend leases."""
        lost, cancelled, current = [], [], 0
        for job_id, fence in held:
            job = self.jobs.get(job_id)
            if job is None or job.fence != fence:
                lost.append(job_id)
            elif job.state == "STARTED":
                current += 1
                job.lease = self.now + LEASE_MS
                if job.cancel:
                    cancelled.append(job_id)
        return lost, cancelled, current

    def settle(
        self,
        job_id: str,
        fence: int,
        state: str,
        delay_ms: int = 0,
        artifacts: tuple[tuple[str, str], ...] = (),
    ) -> tuple[bool, str]:
        """End an attempt."""
        job = self.current(job_id, fence)
        if job is None:
            return False, self.jobs[job_id].state if job_id in self.jobs else "PENDING"
        if state == "RETRY":
            state = "REVOKED" if job.cancel else "FAILURE" if job.attempt >= job.max_attempts else "RETRY"
        if state == "RETRY":
            job.state, job.owner, job.lease, job.code = "RETRY", None, None, "model.failed"
            job.run_at = self.now + delay_ms
            job.events.append("job.retrying")
            if delay_ms:
                job.due = job.run_at
            else:
                self.enqueue(job, self.stamp())
            return True, state
        for file, name in artifacts:
            self.files[file] = File(job.tenant, None, job=job.id)
            job.artifacts[name] = file
        code = {"FAILURE": "model.failed", "REVOKED": "cancelled"}.get(state)
        self.end(job, state, code=code)
        return True, state

    def lose(self, job_id: str, fence: int) -> tuple[bool, str]:
        """Note that an attempt's process is gone."""
        job = self.current(job_id, fence)
        if job is None:
            return False, self.jobs[job_id].state if job_id in self.jobs else "PENDING"
        self.give_up(job)
        return True, job.state

    def give_up(self, job: Job) -> None:
        """Go on after a lost attempt."""
        job.fence += 1
        job.lease = None
        if job.cancel:
            self.end(job, "REVOKED", code="cancelled")
        elif job.attempt >= job.max_attempts:
            self.end(job, "FAILURE", code="worker-lost")
        else:
            job.state, job.owner, job.code = "RETRY", None, "worker-lost"
            job.events.append("job.retrying")
            self.enqueue(job, job.stamp)

    def release(self, held: list[tuple[str, int]]) -> list[str]:
        """Hand attempts back."""
        released = []
        for job_id, fence in held:
            job = self.current(job_id, fence)
            if job is None:
                continue
            released.append(job_id)
            job.fence += 1
            job.lease = None
            if job.cancel:
                self.end(job, "REVOKED", code="cancelled")
                continue
            job.attempt -= 1
            job.state = "RETRY" if job.attempt else "PENDING"
            job.owner = job.started = job.progress = None
            job.events.append("job.retrying")
            self.enqueue(job, job.stamp)
        return released

    def report(self, job_id: str, fence: int, kind: str, content: str) -> tuple[bool, bool]:
        """Note progress or a line of the log."""
        job = self.current(job_id, fence)
        if job is None:
            return False, False
        if kind == "progress":
            job.progress = content
        job.events.append(f"job.{kind}")
        return True, job.cancel

    def end(self, job: Job, state: str, code: str | None) -> None:
        """Make a job final."""
        job.state, job.code, job.owner = state, code, None
        job.lease = job.turn = job.due = None
        job.finished, job.forget_at = self.now, self.now + RESULT_MS
        job.watchers = set()
        job.events.append(FINAL_EVENT[state])
        for name in job.files:
            file = self.files.get(name)
            if file is not None:
                file.refs -= 1
                if file.refs <= 0 and file.job is None:
                    file.expires = self.now + FILE_MS

    # requests

    def find(self, job_id: str, tenant: str) -> Job | str:
        """Find a job as one tenant sees it."""
        job = self.jobs.get(job_id)
        if job is None or job.tenant != tenant:
            return "gone" if self.gone.get(job_id) == tenant else "unknown"
        return job

    def cancel(self, job_id: str, tenant: str) -> str:
        """Cancel a job."""
        job = self.find(job_id, tenant)
        if isinstance(job, str):
            return job
        if job.state == "STARTED":
            word = "again" if job.cancel else "asked"
            job.cancel = True
            self.cancels.setdefault((job.owner or "").partition("/")[0], set()).add(job.id)
            return word
        if job.state in FINAL:
            return "again" if job.state == "REVOKED" else "finished"
        job.cancel = True
        self.end(job, "REVOKED", code="cancelled")
        return "revoked"

    def read(self, job_id: str, tenant: str, watcher: str) -> Job | str:
        """Read a job, and watch it."""
        job = self.find(job_id, tenant)
        if isinstance(job, str):
            return job
        if job.forget_at is not None and job.forget_at <= self.now:
            return "gone"
        if watcher and job.state not in FINAL:
            job.watchers.add(watcher)
        return job

    def page(self, tenant: str, state: str, queue: str, tag: str) -> list[str]:
        """List jobs, newest first."""
        fit = [
            job
            for job in self.jobs.values()
            if job.tenant == tenant
            and (not state or job.state == state)
            and (not queue or job.queue == queue)
            and (not tag or tag in job.tags)
        ]
        return [job.id for job in sorted(fit, key=lambda job: -job.stamp)]

    # time

    def tick(self, owner: str) -> set[str]:
        """Do what time brings."""
        self.beats[owner] = self.now
        self.beats = {name: beat for name, beat in self.beats.items() if beat > self.now - 60_000}
        if self.now - self.last_tick > TICK_GAP_MS:
            self.hold = self.now + LEASE_MS
        self.last_tick = self.now
        for queue in list(self.wake):
            if not any(job.queue == queue and (job.turn or job.due) for job in self.jobs.values()):
                del self.wake[queue]
        for job in sorted(self.jobs.values(), key=lambda one: (one.due or 0, one.id)):
            if job.due is not None and job.due <= self.now:
                job.due = None
                self.enqueue(job, self.stamp())
        self.reap()
        self.forget()
        return self.cancels.pop(owner, set())

    def reap(self) -> None:
        """Give up lost leases, unless time was stolen, and end what is too late to start."""
        if self.now >= self.hold:
            for job in sorted(self.jobs.values(), key=lambda one: (one.lease or 0, one.id)):
                if job.lease is not None and job.lease <= self.now:
                    self.give_up(job)
        for job in list(self.jobs.values()):
            if job.state == "PENDING" and self.is_too_late(job):
                self.end(job, "REVOKED", code="expired")

    def forget(self) -> None:
        """Drop what was kept long enough."""
        for job in [
            one for one in self.jobs.values() if one.forget_at is not None and one.forget_at <= self.now
        ]:
            del self.jobs[job.id]
            self.gone[job.id] = job.tenant
            for made in job.artifacts.values():
                if self.files[made].refs > 0:
                    self.files[made].job = None
                else:
                    self.drop(made)
        for name, file in list(self.files.items()):
            if file.expires is not None and file.expires <= self.now:
                self.drop(name)
                self.gone[name] = file.tenant

    # files

    def keep_file(self, name: str, tenant: str) -> int:
        """Record an upload."""
        self.files[name] = File(tenant, self.now + FILE_MS)
        return self.now

    def look_at_file(self, name: str, tenant: str) -> str:
        """Say what one tenant sees of a file."""
        file = self.files.get(name)
        if file is not None and file.tenant == tenant:
            return "found"
        return "gone" if self.gone.get(name) == tenant else "unknown"

    def drop_file(self, name: str, tenant: str) -> str:
        """Forget an upload."""
        found = self.look_at_file(name, tenant)
        if found != "found":
            return found
        if self.files[name].job or self.files[name].refs > 0:
            return "in-use"
        self.drop(name)
        self.gone[name] = tenant
        return "dropped"

    def drop(self, name: str) -> None:
        """Send a file's bytes to the trash."""
        del self.files[name]
        self.trash.add(name)
