"""What time brings, and who is alive."""

from __future__ import annotations

from tests.model.entities import LEASE_MS, TICK_GAP_MS
from tests.model.rules.attempts import Attempts


class Clock(Attempts):
    """Tick."""

    def tick(self, owner: str) -> set[str]:
        """Do the duties of a tick; returns the jobs that the worker should stop."""
        self.beats[owner] = self.now
        self.beats = {name: beat for name, beat in self.beats.items() if beat > self.now - 60_000}
        if self.now - self.last_tick > TICK_GAP_MS:
            self.rescue_after = self.now + LEASE_MS
        self.last_tick = self.now
        for queue in sorted(self.counted):
            if not self.depth(queue):
                self.counted.discard(queue)
                self.wake.pop(queue, None)
        for job in sorted(self.jobs.values(), key=lambda one: (one.due or 0, one.id)):
            if job.due is not None and job.due <= self.now:
                job.due = None
                self.enqueue(job, self.stamp())
        self.rescue_lost()
        self.expire_late()
        self.forget_old()
        self.check_unserved()
        return self.cancels.pop(owner, set())

    def check_unserved(self) -> None:
        """Forget where no job of an unserved task is blocked any more."""
        for task in sorted(self.unserved):
            lines = self.served.setdefault(task, {})
            if lines:
                line = min(lines, key=lambda name: (lines[name], name))
                if not self.blocked(task, line):
                    del lines[line]
            if not lines:
                self.unserved.discard(task)

    def rescue_lost(self) -> None:
        """Rescue the attempts whose lease has ended, unless there was a gap in the ticks."""
        if self.now < self.rescue_after:
            return
        for job in sorted(self.jobs.values(), key=lambda one: (one.lease or 0, one.id)):
            if job.lease is not None and job.lease <= self.now:
                self.rescue_attempt(job)

    def expire_late(self) -> None:
        """End what is too late to start."""
        for job in sorted(self.jobs.values(), key=lambda one: (one.start_by or 0, one.id)):
            if job.state == "PENDING" and self.is_too_late(job):
                self.end(job, "REVOKED", code="expired")

    def forget_old(self) -> None:
        """Drop what was kept long enough."""
        for job in sorted(self.jobs.values(), key=lambda one: (one.forget_at or 0, one.id)):
            if job.forget_at is not None and job.forget_at <= self.now:
                self.forget(job)
        for name, file in list(self.files.items()):
            if file.expires is not None and file.expires <= self.now:
                self.drop(name)
                self.gone[name] = file.tenant
        for name in [name for name, expires in self.reserved.items() if expires <= self.now]:
            del self.reserved[name]
            self.trash.add(name)

    def leave(self, owner: str) -> None:
        """Remove a worker that ends from the list."""
        self.beats.pop(owner, None)
        self.cancels.pop(owner, None)
