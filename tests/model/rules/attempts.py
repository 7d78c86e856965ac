"""An attempt's life after its claim: renew, settle, rescue, release, report."""

from __future__ import annotations

from tests.model.entities import LEASE_MS, File, Job
from tests.model.rules.ledger import Ledger


class Attempts(Ledger):
    """The verbs of workers."""

    def renew(self, attempts: list[tuple[str, int]]) -> tuple[list[str], list[str], int]:
        """Extend leases."""
        lost, cancelled, current = [], [], 0
        for job_id, fence in attempts:
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
            job.owner, job.lease, job.code = None, None, "model.failed"
            job.run_at = self.now + delay_ms
            self.move(job, state)
            self.tell(job, "job.retrying")
            if delay_ms:
                job.due = job.run_at
                self.counted.add(job.queue)
            else:
                self.enqueue(job, self.stamp())
            return True, state
        for file, name in artifacts:
            self.files[file] = File(job.tenant, None, job=job.id)
            job.artifacts[name] = file
        code = {"FAILURE": "model.failed", "REVOKED": "cancelled"}.get(state)
        self.end(job, state, code=code)
        return True, state

    def rescue(self, job_id: str, fence: int) -> tuple[bool, str]:
        """Note that an attempt's process is gone."""
        job = self.current(job_id, fence)
        if job is None:
            return False, self.jobs[job_id].state if job_id in self.jobs else "PENDING"
        self.rescue_attempt(job)
        return True, job.state

    def rescue_attempt(self, job: Job) -> None:
        """Go on after a lost attempt."""
        job.fence += 1
        job.lease = None
        if job.cancel:
            self.end(job, "REVOKED", code="cancelled")
        elif job.attempt >= job.max_attempts:
            self.end(job, "FAILURE", code="worker-lost")
        else:
            job.owner, job.code = None, "worker-lost"
            self.move(job, "RETRY")
            self.tell(job, "job.retrying")
            self.enqueue(job, job.stamp)

    def release(self, attempts: list[tuple[str, int]]) -> list[str]:
        """Hand attempts back."""
        return [job_id for job_id, fence in attempts if self.release_attempt(self.current(job_id, fence))]

    def release_claim(self, owner: str) -> list[str]:
        """Hand back all that one claim started."""
        found = [job for job in self.jobs.values() if job.state == "STARTED" and job.owner == owner]
        found.sort(key=lambda job: (job.lease or 0, job.id))
        return [job.id for job in found if self.release_attempt(job)]

    def release_attempt(self, job: Job | None) -> bool:
        """Return a job to its rank in the queue, its attempt uncounted; a cancelled one ends."""
        if job is None:
            return False
        job.fence += 1
        job.lease = None
        if job.cancel:
            self.end(job, "REVOKED", code="cancelled")
            return True
        job.attempt -= 1
        job.owner = job.started = job.progress = None
        self.move(job, "RETRY" if job.attempt else "PENDING")
        self.tell(job, "job.retrying")
        self.enqueue(job, job.stamp)
        return True

    def report(self, job_id: str, fence: int, kind: str, content: str) -> tuple[bool, bool]:
        """Note progress or a line of the log."""
        job = self.current(job_id, fence)
        if job is None:
            return False, False
        if kind == "progress":
            job.progress = content
        self.tell(job, f"job.{kind}")
        return True, job.cancel
