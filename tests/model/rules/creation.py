"""How jobs come: submit, in batches, and as repeats of those that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from jobline.ledger.commands.jobs import Filter
from tests.model.entities import QUEUE_LIMIT, Batch, Job, Times
from tests.model.rules.selection import Selection, go_on


class Creation(Selection):
    """Bring jobs into the ledger, or say why not."""

    def submit(self, job: Job, times: Times) -> tuple[str, str]:
        """Store a job; answers the word, and what it is about."""
        known = next((one for one in self.jobs.values() if job.idem and one.idem == job.idem), None)
        if known is not None:
            return ("reused" if known.fingerprint != job.fingerprint else "replayed"), known.id
        if job.id in self.jobs:
            return "replayed", job.id
        missing = self.missing_file(job)
        if missing:
            return missing
        if self.is_full(job.queue):
            return "full", job.queue
        if self.store(job, self.stamp(), times):
            self.wake_up(job.queue)
        return "created", job.id

    def submit_batch(self, batch: Batch, orders: Sequence[tuple[Job, Times]]) -> tuple[str, str, int]:
        """Store all jobs or none; answers the word, what it is about, and of which job."""
        known = next((one for one in self.batches.values() if batch.idem and one.idem == batch.idem), None)
        if known is not None:
            return ("reused" if known.fingerprint != batch.fingerprint else "replayed"), known.id, 0
        if batch.id in self.batches:
            return "replayed", batch.id, 0
        for index, (job, _) in enumerate(orders):
            missing = self.missing_file(job)
            if missing:
                return (*missing, index)
        wanted = Counter(job.queue for job, _ in orders)
        for queue, count in wanted.items():
            if self.is_full(queue, count):
                return "full", queue, 0
        batch.stamp, batch.total = self.stamp(len(orders)), len(orders)
        batch.counts["PENDING"] = len(orders)
        self.batches[batch.id] = batch
        for index, (job, times) in enumerate(orders):
            job.batch = batch.id
            self.store(job, batch.stamp + index, times)
        for queue, count in wanted.items():
            self.wake_up(queue, count)
        return "created", batch.id, 0

    def retry(self, job_id: str, tenant: str, new_id: str) -> tuple[str, str]:
        """Repeat a job; answers the word, and the new job, the state or the file that it is about."""
        if new_id in self.jobs:
            return "created", new_id
        job = self.find(job_id, tenant)
        if isinstance(job, str):
            return job, ""
        if job.state not in {"FAILURE", "REVOKED"}:
            return "refused", job.state
        return self.repeat(job, new_id)

    def bulk_retry(self, chosen: Filter, new_ids: Sequence[str]) -> tuple[int, int, str, bool]:
        """Repeat what fits; answers how many were, how many not, where to go on, and whether no room is left.

        Each job that fails or was revoked takes one of the ids, be it repeated or not.
        """
        repeated, seen = 0, 0
        found = self.fit(chosen)
        for position, job in enumerate(found):
            if job.state not in {"FAILURE", "REVOKED"}:
                continue
            word = "skipped"
            if job.retried_as is None:
                word, _ = self.repeat(job, new_ids[seen])
            if word == "full":
                return repeated, seen - repeated, go_on(found, position), True
            repeated += word == "created"
            seen += 1
            if seen == len(new_ids):
                return repeated, seen - repeated, go_on(found, position), False
        return repeated, seen - repeated, "", False

    def repeat(self, old: Job, new_id: str) -> tuple[str, str]:
        """Submit the same order once more, due now; the time in which it must start begins now, too."""
        missing = self.missing_file(old)
        if missing:
            return missing
        if self.is_full(old.queue):
            return "full", old.queue
        job = Job(
            new_id, old.tenant, old.task, old.queue, old.priority, old.max_attempts,
            tags=old.tags, files=old.files, retry_of=old.id,
        )  # fmt: skip
        expires_ms = None if old.start_by is None else old.start_by - old.stamp // 1000
        self.store(job, self.stamp(), Times(expires_ms=expires_ms))
        old.retried_as = new_id
        self.wake_up(job.queue)
        return "created", new_id

    def missing_file(self, job: Job) -> tuple[str, str] | None:
        """Return a file that the job names and that is missing."""
        for file in job.files:
            if file not in self.files:
                return ("gone-file" if self.gone.get(file) == job.tenant else "no-file"), file
        return None

    def is_full(self, queue: str, more: int = 1) -> bool:
        """Return whether a queue has no room."""
        self.counted.add(queue)
        return self.depth(queue) + more > QUEUE_LIMIT

    def store(self, job: Job, stamp: int, times: Times) -> bool:
        """Store a new job; returns whether it can be claimed now."""
        job.stamp = stamp
        if times.delay_ms is not None:
            job.run_at = self.now + times.delay_ms
        if times.expires_ms is not None:
            job.start_by = self.now + times.expires_ms
        for file in job.files:
            self.files[file] = replace(self.files[file], refs=self.files[file].refs + 1, expires=None)
        self.jobs[job.id] = job
        self.tell(job, "job.created")
        if times.delay_ms:
            job.due = job.run_at
        else:
            job.queue_stamp = stamp
        return job.queue_stamp is not None
