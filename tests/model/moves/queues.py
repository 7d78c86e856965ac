"""The operator looks at queues, pauses and resumes them."""

from __future__ import annotations

from hypothesis.stateful import rule

from jobline.ledger import commands
from tests.model.entities import FEW
from tests.model.moves.stage import QUEUES, Part, Stage, only


class Queues(Stage):
    """Operate queues."""

    @only(Part.QUEUES)
    @rule(queue=QUEUES)
    def pause(self, queue: str) -> None:
        self.model.pause(queue)
        self.run(commands.queues.pause(queue))

    @only(Part.QUEUES)
    @rule(queue=QUEUES)
    def resume(self, queue: str) -> None:
        self.model.resume(queue)
        self.run(commands.queues.resume(queue))

    @only(Part.QUEUES)
    @rule()
    def list_queues(self) -> None:
        assert self.run(commands.queues.list_queues()) == self.model.queues()

    @only(Part.QUEUES)
    @rule(queue=QUEUES)
    def read_queue(self, queue: str) -> None:
        got = self.run(commands.queues.read_queue(queue, [FEW]))
        jobs = [job for job in self.model.jobs.values() if job.queue == queue]
        waiting = [job for job in jobs if job.queue_stamp]
        assert (got.depth, got.scheduled, got.running, got.is_paused) == (
            self.model.depth(queue),
            sum(job.due is not None for job in jobs),
            sum(job.state == "STARTED" for job in jobs),
            queue in self.model.paused,
        )
        assert got.by_priority == tuple(
            sum(job.priority == priority for job in waiting) for priority in range(10)
        )
        blocked = sum(job.is_blocked for job in jobs)
        assert got.unserved == ({FEW: blocked} if blocked and FEW in self.model.unserved else {})
        minute = self.model.now // 60_000
        assert got.ended == tuple(self.model.ended[minute - back, queue] for back in range(6))
        if waiting:
            oldest_us = self.model.now * 1000 - min(job.queue_stamp or 0 for job in waiting)
            assert got.oldest_age_s is not None
            assert abs(got.oldest_age_s - max(0, oldest_us) / 1_000_000) < 0.001
        else:
            assert got.oldest_age_s is None
