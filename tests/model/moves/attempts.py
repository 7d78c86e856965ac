"""Workers claim, renew, end and lose attempts; some of them lost their jobs long ago."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobline.domain.record import Failure
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Limits, PublishedArtifact
from jobline.ledger.keys import Key
from tests.model.comparison.dump import strings
from tests.model.comparison.queues import read_at_limit
from tests.model.entities import FEW, LEASE_MS, Times
from tests.model.moves.clock import Clock
from tests.model.moves.creation import ORDERS, Order
from tests.model.moves.requests import Requests
from tests.model.moves.stage import ANY, OWNERS, RETENTION, Part, only
from tests.model.rules import Seen
from tests.support.ledger import start_of

LIMITS = st.builds(
    Limits,
    tenant=st.sampled_from([0, 0, 0, 1, 2]),
    tasks=st.sampled_from([{}, {FEW: 1}, {FEW: 2}, {FEW: 2}, {FEW: 0}]),
)
QUEUE_LISTS = st.sampled_from([["left"], ["right", "left"]])


class Attempts(Requests, Clock):
    """The moves of several workers."""

    def __init__(self) -> None:
        super().__init__()
        #: the number of the last claim of all
        self.claims = 0
        #: (owner, number) of the claims whose replies were lost
        self.unheard: list[tuple[str, int]] = []

    @rule(
        owner=OWNERS, slots=st.integers(1, 3), queues=QUEUE_LISTS, after_ms=st.sampled_from([0, 0, 1, 3_500])
    )
    def claim(self, owner: str, slots: int, queues: list[str], after_ms: int) -> None:
        self.model.now_us += after_ms * 1000
        self.attempts += [(one.id, one.fence) for one in self.claim_jobs(owner, slots, queues)]

    @only(Part.UNHEARD)
    @rule(owner=OWNERS, slots=st.integers(1, 3), queues=QUEUE_LISTS)
    def lose_claim(self, owner: str, slots: int, queues: list[str]) -> None:
        if self.claim_jobs(owner, slots, queues):
            self.unheard.append((owner, self.claims))

    @only(Part.UNHEARD)
    @precondition(lambda self: self.unheard)
    @rule(number=ANY)
    def release_claim(self, number: int) -> None:
        owner, claim = self.pick(self.unheard, number)
        got = self.run(commands.attempts.release_claim(owner, claim, RETENTION))
        assert (got.jobs, got.after) == (self.model.release_claim(f"{owner}/{claim}"), "")

    def claim_jobs(self, owner: str, slots: int, queues: list[str]) -> list[Claimed]:
        """Claim, and follow what the ledger chose."""
        if self.is_unclear():
            self.tick(owner)
        self.claims += 1
        unblock = [task for task in self.unserved if self.limits.tasks.get(task) != 0]
        self.model.unblock(unblock, slots, self.limits)
        waited = {job.id for queue in queues for job in self.model.waiting(queue)}
        got = self.run(
            commands.attempts.claim(
                owner, queues, slots=slots, lease_ms=LEASE_MS, retention=RETENTION,
                limits=self.limits, unblock=unblock, number=self.claims,
            )
        )  # fmt: skip
        chosen = [one.id for one in got]
        revoked = {name for name in waited if self.field(name, "state") == "REVOKED"}
        seen = Seen(chosen, frozenset(revoked), frozenset(waited & self.blocked()), read_at_limit(self.dump))
        started = self.model.claim(f"{owner}/{self.claims}", queues, slots, self.limits, seen)
        wanted = [(job.id, job.task, job.attempt, job.fence, job.queue) for job in started]
        assert [(one.id, one.task, one.attempt, one.fence, one.queue) for one in got] == wanted
        assert all((one.input, one.timeout_ms) == (b"{}", 1000) for one in got)
        return got

    def is_unclear(self) -> bool:
        """Return whether a claim depends on an order that its reply does not show.

        An overdue job with a permit passes the permit to the job that is blocked at that moment.
        """
        jobs = self.model.jobs.values()
        return any(
            (job.permits or (job.is_blocked and self.unserved))
            and job.queue_stamp
            and self.model.is_too_late(job)
            for job in jobs
        )

    def field(self, job_id: str, name: str) -> str:
        """Return one field of a record in the ledger."""
        return dict(strings(self.dump[Key.JOB.of(job_id)])).get(name, "")

    def blocked(self) -> set[str]:
        """List the blocked jobs, in the ledger."""
        return {
            name
            for key, content in self.dump.items()
            if key.startswith(start_of(Key.BLOCKED))
            for name, _ in strings(content)
        }

    @only(Part.LIMITS)
    @rule(limits=LIMITS)
    def set_limits(self, limits: Limits) -> None:
        self.limits = limits

    @only(Part.LIMITS)
    @rule(orders=st.lists(ORDERS, min_size=3, max_size=3), owner=OWNERS)
    def lower_limit(self, orders: list[Order], owner: str) -> None:
        """Lower the limit of a task after one job handed its count on to another, and before that starts."""
        self.limits = Limits(tasks={FEW: 2})
        self.submit([replace(order, task=FEW, times=Times()) for order in orders])
        self.claim(owner, 3, ["right", "left"], 0)
        counted = [
            one for one in self.attempts if (job := self.model.current(*one)) and "task" in job.permits
        ]
        if counted:
            self.release([counted[-1]])
        self.limits = Limits(tasks={FEW: 1})
        self.claim(owner, 3, ["right", "left"], 0)

    @only(Part.LOSSES)
    @precondition(lambda self: self.attempts)
    @rule(number=ANY, owner=OWNERS, dies=st.booleans())
    def take_over(self, number: int, owner: str, dies: bool) -> None:  # noqa: FBT001
        """One worker dies or stops, and another one goes on."""
        if dies:
            self.rescue(number)
        else:
            self.release([self.attempt(number)])
        self.claim(owner, 3, ["right", "left"], 0)

    @only(Part.TELLS)
    @precondition(lambda self: self.attempts)
    @rule(numbers=st.lists(ANY, min_size=1, max_size=3, unique=True))
    def renew(self, numbers: list[int]) -> None:
        current = list(dict(self.attempt(number) for number in numbers).items())
        wanted = self.model.renew(current)
        got = self.run(commands.attempts.renew(current, lease_ms=LEASE_MS))
        assert (got.lost, got.cancelled, got.current) == wanted

    @precondition(lambda self: self.attempts)
    @rule(
        number=ANY,
        state=st.sampled_from(["SUCCESS", "SUCCESS", "FAILURE", "RETRY", "RETRY", "REVOKED"]),
        delay=st.sampled_from([0, 1_000]),
        makes=st.booleans(),
        asked=st.sampled_from([False, False, False, True]),
    )
    def settle(self, number: int, state: str, delay: int, makes: bool, asked: bool) -> None:  # noqa: FBT001
        job, fence = self.attempt(number)
        if asked and job in self.model.jobs:
            self.cancel_one(job, self.model.jobs[job].tenant)
        failure = Failure("model.failed", "asked to fail", retryable=True, attempt=1)
        artifacts = [PublishedArtifact(f"art-{job}", "a.txt", "text/plain", 1, "0")] if makes else []
        command = {
            "SUCCESS": lambda: commands.attempts.succeed(job, fence, '{"ok":1}', artifacts, RETENTION),
            "FAILURE": lambda: commands.attempts.fail(job, fence, failure, RETENTION),
            "RETRY": lambda: commands.attempts.retry(job, fence, failure, delay, RETENTION),
            "REVOKED": lambda: commands.attempts.stop(job, fence, RETENTION),
        }[state]()
        made = ((f"art-{job}", "a.txt"),) if makes and state == "SUCCESS" else ()
        wanted = self.model.settle(job, fence, state, delay, made)
        settled = self.run(command)
        assert (settled.is_current, settled.state.value) == wanted
        if made and settled.is_current:
            self.files.append(f"art-{job}")

    @only(Part.LOSSES)
    @precondition(lambda self: self.attempts)
    @rule(number=ANY)
    def rescue(self, number: int) -> None:
        job, fence = self.attempt(number)
        wanted = self.model.rescue(job, fence)
        lost = self.run(commands.attempts.rescue(job, fence, RETENTION))
        assert (lost.is_current, lost.state.value) == wanted

    @only(Part.LOSSES)
    @precondition(lambda self: self.attempts)
    @rule(numbers=st.lists(ANY, min_size=1, max_size=3, unique=True))
    def release_some(self, numbers: list[int]) -> None:
        self.release([self.attempt(number) for number in numbers])

    def release(self, attempts: list[tuple[str, int]]) -> None:
        """Hand attempts back, one of each job."""
        current = list(dict(attempts).items())
        wanted = self.model.release(current)
        assert self.run(commands.attempts.release(current, RETENTION)) == wanted

    @only(Part.TELLS)
    @precondition(lambda self: self.attempts)
    @rule(
        number=ANY, kind=st.sampled_from(["progress", "log"]), content=st.sampled_from(['{"done":1}', "{}"])
    )
    def report(self, number: int, kind: str, content: str) -> None:
        job, fence = self.attempt(number)
        wanted = self.model.report(job, fence, kind, content)
        reported = self.run(commands.attempts.report(job, fence, kind, content))
        assert (reported.is_current, reported.cancel_requested) == wanted

    def attempt(self, number: int) -> tuple[str, int]:
        """Return an attempt, more often one of a job that runs, in this attempt or in a later one."""
        running = [
            one for one in self.attempts if one[0] in self.model.jobs and self.model.jobs[one[0]].lease
        ]
        return self.pick(running if running and number < 3 else self.attempts, number)
