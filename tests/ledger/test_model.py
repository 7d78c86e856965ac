"""Any verbs in any order: every transition is legal, and every job is where its state says, once."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from jobline.domain.state import TRANSITIONS, State
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.keys import Key
from tests.support.ledger import TENANT, Ledger

QUEUE = "default"
SUBMITS = {"submit": {}, "submit_later": {"delay_ms": 60_000}, "submit_brief": {"expires_in_ms": 60_000}}
ENDS = ("succeed", "fail", "retry", "retry_later", "rescue", "release", "stop", "renew", "report")
TIMES = {"due": Key.DUE.of(QUEUE), "expire": Key.START_BY.of(), "reap": Key.LEASES.of()}
VERBS = (*SUBMITS, "claim", "claim", *ENDS, "cancel", *TIMES)
#: A verb and the number of the job, or of the attempt, that it is for.
steps = some.lists(some.tuples(some.sampled_from(VERBS), some.integers(0, 5)), max_size=40)


class Play:
    """Do steps, and check the invariants of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.jobs: list[str] = []
        self.attempts: list[Claimed] = []
        self.seen: dict[str, State] = {}

    def do(self, verb: str, number: int) -> None:
        if verb in SUBMITS:
            fields = {"priority": number, "max_attempts": 2, "tags": ("t",), **SUBMITS[verb]}
            self.jobs.append(self.ledger.submit(**fields))
        elif verb == "claim":
            self.attempts += self.ledger.claim(slots=number)
        elif verb in TIMES:
            self.pass_all(TIMES[verb])
        elif verb == "cancel" and self.jobs:
            self.ledger.cancel(self.jobs[number % len(self.jobs)])
        elif verb in ENDS and self.attempts:
            self.end(verb, self.attempts[number % len(self.attempts)])

    def end(self, verb: str, job: Claimed) -> None:
        if verb == "retry_later":
            self.ledger.retry(job, 60_000)
        elif verb == "report":
            self.ledger.report(job, {"done": 1})
        else:
            getattr(self.ledger, verb)(job)

    def pass_all(self, key: str) -> None:
        """Let all times of one set pass, and tick."""
        self.ledger.settle_in()
        for member in self.members(key):
            self.ledger.let_pass(key, member)
        self.ledger.tick()

    def members(self, key: str) -> list[str]:
        found: Iterable[bytes] = self.ledger.redis.zrange(key, 0, -1)  # type: ignore[assignment] # not async
        return [one.decode() for one in found]

    def check(self) -> None:
        places = {
            key: set(self.members(key))
            for key in (
                Key.WAITING.of(QUEUE, "public"),
                Key.DUE.of(QUEUE),
                Key.LEASES.of(),
                Key.FINISHED.of(),
            )
        }
        waiting, due, leases, finished = places.values()
        assert not waiting & due
        for job_id in self.jobs:
            record = self.ledger.read(job_id)
            before = self.seen.get(job_id, record.state)
            # One verb is one move at most: a job that becomes due stays in its state.
            assert record.state is before or record.state in TRANSITIONS[before], f"{before}, {record.state}"
            self.seen[job_id] = record.state
            assert (job_id in waiting | due) == (record.state in {State.PENDING, State.RETRY})
            assert (job_id in leases) == (record.state is State.STARTED)
            assert (job_id in finished) == record.state.is_terminal
            assert record.attempt <= record.max_attempts
            indexes = [
                state
                for state in State
                if job_id in self.members(Key.INDEX.of(state, f"{TENANT}:demo.add:{QUEUE}"))
            ]
            assert indexes == [record.state]
        assert [record.id for record in self.ledger.page().records] == self.jobs[::-1]
        assert [record.id for record in self.ledger.page(tag="t").records] == self.jobs[::-1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_every_move_is_legal_and_every_job_has_one_place(
    ledger: Ledger, steps: list[tuple[str, int]]
) -> None:
    ledger.redis.flushall()
    play = Play(ledger)
    for verb, number in steps:
        play.do(verb, number)
        play.check()
