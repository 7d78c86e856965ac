"""The ledger without Celery: single commands against a real Redis."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any, TypeVar

import redis

from jobline.domain.record import Failure, Record
from jobline.domain.retention import Retention
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Settled
from jobline.ledger.commands.command import Command
from jobline.ledger.commands.jobs import Cancelled
from jobline.ledger.commands.submitting import Receipt, Submitted
from jobline.ledger.connect import Connector
from jobline.ledger.keys import DEFAULT_LAYOUT, Key, Layout
from jobline.ledger.recorder import Recorder

T = TypeVar("T")
RETENTION = Retention(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
LEASE_MS = 30_000
TENANT = "public"


class Ledger:
    """Short methods for the commands of one ledger."""

    def __init__(self, url: str, layout: Layout = DEFAULT_LAYOUT) -> None:
        connector = Connector(url, layout)
        self.layout = layout
        self.recorder = Recorder(connector)
        self.redis: redis.Redis = connector.blocking_client()
        self._numbers = itertools.count(1)

    def run(self, command: Command[T]) -> T:
        return self.recorder.run(command)

    # verbs

    def order(self, **fields: Any) -> Submission:
        standard: dict[str, Any] = {
            "id": f"job-{next(self._numbers):05}",
            "tenant": TENANT,
            "task": "demo.add",
            "queue": "default",
            "input": b'{"a":1}',
            "max_attempts": 3,
            "timeout_ms": 60_000,
        }
        return Submission(**{**standard, **fields})

    def send(
        self, order: Submission, *, queue_limit: int = 1_000_000, subscriber: str = ""
    ) -> Receipt[Record]:
        return self.run(commands.submitting.submit(order, queue_limit=queue_limit, subscriber=subscriber))

    def submit(self, **fields: Any) -> str:
        receipt = self.send(self.order(**fields))
        assert receipt.outcome is Submitted.CREATED, receipt
        assert receipt.record is not None
        return receipt.record.id

    def claim(
        self,
        *queues: str,
        slots: int = 1,
        owner: str = "w1",
        lease_ms: int = LEASE_MS,
        retention: Retention = RETENTION,
    ) -> list[Claimed]:
        return self.run(
            commands.attempts.claim(
                owner, queues or ("default",), slots=slots, lease_ms=lease_ms, retention=retention
            )
        )

    def start(self, owner: str = "w1", **fields: Any) -> Claimed:
        """Submit one job, claim it, and return the claim."""
        job_id = self.submit(**fields)
        (claimed,) = self.claim(fields.get("queue", "default"), owner=owner)
        assert claimed.id == job_id
        return claimed

    def succeed(
        self,
        job: Claimed,
        result: object = None,
        artifacts: Sequence[Any] = (),
        retention: Retention = RETENTION,
    ) -> Settled:
        return self.run(
            commands.attempts.succeed(job.id, job.fence, json.dumps(result), artifacts, retention)
        )

    def fail(self, job: Claimed, code: str = "demo.broken") -> Settled:
        return self.run(commands.attempts.fail(job.id, job.fence, failure(job, code), RETENTION))

    def retry(self, job: Claimed, delay_ms: int = 0) -> Settled:
        return self.run(
            commands.attempts.retry(job.id, job.fence, failure(job, "demo.flaky"), delay_ms, RETENTION)
        )

    def rescue(self, job: Claimed) -> Settled:
        return self.run(commands.attempts.rescue(job.id, job.fence, RETENTION))

    def stop(self, job: Claimed) -> Settled:
        return self.run(commands.attempts.stop(job.id, job.fence, RETENTION))

    def release(self, *attempts: Claimed) -> list[str]:
        return self.run(commands.attempts.release([(job.id, job.fence) for job in attempts], RETENTION))

    def renew(self, *attempts: Claimed, lease_ms: int = LEASE_MS) -> commands.attempts.Renewed:
        return self.run(commands.attempts.renew([(job.id, job.fence) for job in attempts], lease_ms=lease_ms))

    def report(self, job: Claimed, content: object, kind: str = "progress") -> commands.attempts.Reported:
        return self.run(commands.attempts.report(job.id, job.fence, kind, json.dumps(content)))

    def cancel(self, job_id: str, tenant: str = TENANT) -> Cancelled:
        return self.run(commands.jobs.cancel(job_id, tenant, RETENTION))[0]

    def tick(
        self, owner: str = "w1", retention: Retention = RETENTION, lease_ms: int = LEASE_MS
    ) -> commands.clock.Ticked:
        return self.run(commands.clock.tick(owner, "{}", lease_ms=lease_ms, retention=retention))

    def read(self, job_id: str) -> Record:
        return self.run(commands.jobs.read_job(job_id, TENANT))

    def add_file(self, file_id: str, tenant: str = TENANT) -> int:
        self.run(commands.files.reserve_file(file_id))
        return self.run(
            commands.files.add_file(
                file_id,
                tenant,
                name="a.jpg",
                media_type="image/jpeg",
                size_bytes=3,
                sha256="0" * 64,
                retention=RETENTION,
            )
        )

    def page(self, **filters: Any) -> commands.jobs.Page:
        return self.run(commands.jobs.list_jobs(TENANT, **{"limit": 50, **filters}))

    def close(self) -> None:
        self.recorder.close()
        self.redis.close()

    # time

    def let_pass(self, key: str, member: str) -> None:
        """Move one member of a sorted set of times into the past."""
        assert self.redis.zscore(key, member) is not None, f"{member} is not in {key}"
        self.redis.zadd(key, {member: 1})

    def settle_in(self) -> None:
        """Tick, and end the wait that a gap in the ticks puts before the expiry of leases."""
        self.tick()
        self.redis.hset(Key.TICK.of(), "rescue_after", 0)

    # inspection

    def keys(self) -> set[str]:
        found = {key.decode() for key in self.redis.scan_iter(count=1000)}
        return found - {self.layout.key(Key.VERSION)}

    def snapshot(self) -> dict[str, bytes | None]:
        """Return the whole content, for comparison."""
        return {key: self.redis.dump(key) for key in sorted(self.keys())}

    def events(self, job_id: str) -> list[str]:
        """Return the event types of one job, oldest first."""
        return [event.type.value for event in self.run(commands.events.read_history(job_id, TENANT)).events]

    def waiting(self, queue: str = "default") -> list[str]:
        """Return the waiting jobs in the order in which they are claimed."""
        ids: Any = self.redis.zrange(self.layout.key(Key.WAITING, queue, TENANT), 0, -1)
        return [one.decode() for one in ids]


def start_of(kind: Key) -> str:
    """Return what every key of one kind begins with."""
    return kind.of("*", "*", "*").partition("*")[0]


def failure(job: Claimed, code: str) -> Failure:
    return Failure(code, "It broke.", retryable=True, attempt=job.attempt)
