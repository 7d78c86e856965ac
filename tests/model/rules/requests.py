"""What clients and the operator ask about jobs that are there: cancel, delete, read, pause."""

from __future__ import annotations

from jobline.ledger.commands.jobs import Filter
from tests.model.entities import FINAL, Batch, Job
from tests.model.rules.selection import Selection, go_on


class Requests(Selection):
    """The verbs of clients."""

    def cancel(self, job_id: str, tenant: str) -> str:
        """Cancel a job."""
        job = self.find(job_id, tenant)
        return job if isinstance(job, str) else self.cancel_found(job)

    def cancel_found(self, job: Job) -> str:
        """End a waiting job, ask for the end of a running one."""
        if job.state == "STARTED":
            word = "repeated" if job.cancel else "requested"
            job.cancel = True
            self.cancels.setdefault((job.owner or "").partition("/")[0], set()).add(job.id)
            return word
        if job.state in FINAL:
            return "repeated" if job.state == "REVOKED" else "finished"
        job.cancel = True
        self.end(job, "REVOKED", code="cancelled")
        return "revoked"

    def bulk_cancel(self, chosen: Filter, limit: int) -> tuple[int, int, str]:
        """Cancel what fits; answers how many were revoked and requested, and where to go on."""
        found = self.fit(chosen)
        seen = found[:limit]
        after = go_on(found, limit - 1) if len(seen) == limit else ""
        words = [self.cancel_found(job) for job in seen if job.state not in FINAL]
        return words.count("revoked"), words.count("requested"), after

    def delete(self, job_id: str, tenant: str) -> str:
        """Forget a final job; answers the state of one that is not."""
        job = self.find(job_id, tenant)
        if isinstance(job, str):
            return job
        if job.state not in FINAL:
            return job.state
        self.forget(job)
        return "deleted"

    def read(self, job_id: str, tenant: str, subscriber: str, *, note: bool = False) -> Job | str:
        """Read a job, and watch it; or note that its end was answered."""
        job = self.find(job_id, tenant)
        if isinstance(job, str):
            return job
        if job.forget_at is not None and job.forget_at <= self.now:
            return "gone"
        if job.state in FINAL:
            job.answered |= note
        elif subscriber:
            job.subscribers.add(subscriber)
        return job

    def read_batch(self, batch_id: str, tenant: str) -> Batch | str:
        """Read a batch."""
        batch = self.batches.get(batch_id)
        if batch is None or batch.tenant != tenant:
            return "gone" if self.gone.get(batch_id) == tenant else "unknown"
        return batch

    def pause(self, queue: str) -> None:
        """Keep a queue's jobs from being claimed."""
        self.paused.add(queue)

    def resume(self, queue: str) -> None:
        """Allow the claims of a queue, and wake all idle workers."""
        self.paused.discard(queue)
        self.wake_up(queue, 64)

    def queues(self) -> set[str]:
        """Return the queues that are in use."""
        running = {job.queue for job in self.jobs.values() if job.state == "STARTED"}
        return self.counted | self.paused | running
