"""Those who watch read one job's history, and the feed of a tenant or of a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.ledger.commands.events import History
from tests.model.entities import FINAL, Job
from tests.model.moves.stage import ANY, TENANTS, Part, Stage, only

#: The feed's very beginning.
BEGIN = "0-0"
#: A page may have these beside its events: created, started, and the last one.
MILESTONES = 3


class Watching(Stage):
    """The moves of clients that follow events."""

    def __init__(self) -> None:
        super().__init__()
        #: tenant -> how far it has read the feed, and how many events the model had emitted by then
        self.marks: dict[str, tuple[str, int]] = defaultdict(lambda: (BEGIN, 0))

    @only(Part.EVENTS)
    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS, subscriber=st.sampled_from(["", "p1"]), most=st.sampled_from([2, 200]))
    def read_history(self, number: int, tenant: str, subscriber: str, most: int) -> None:
        job_id = self.final_or_any(number)
        wanted = self.model.read(job_id, tenant, subscriber)
        if isinstance(wanted, str):
            assert self.ask(commands.events.read_history(job_id, tenant, subscriber=subscriber)) == wanted
            return
        found: list[str] = []
        results: list[bytes] = []
        after = ""
        while True:
            command = at_most(
                commands.events.read_history(job_id, tenant, after=after, subscriber=subscriber), most
            )
            page = self.run(command)
            assert len(page.events) <= most + MILESTONES
            found += [event.type.value for event in page.events]
            results += [event.result for event in page.events if event.result]
            after = page.position
            if not page.has_more:
                break
        assert found == wanted.events
        assert page.has_ended == (wanted.state in FINAL)
        assert results == ([b'{"ok":1}'] if wanted.state == "SUCCESS" else [])

    @only(Part.EVENTS)
    @rule(tenant=TENANTS)
    def read_feed(self, tenant: str) -> None:
        after, count = self.marks[tenant]
        page = self.run(commands.events.read_feed(tenant, after=after))
        assert not page.has_more
        assert by_job(page) == by_job_emitted(
            one for one in self.model.emitted[count:] if one[0].tenant == tenant
        )
        self.marks[tenant] = page.position, len(self.model.emitted)

    @only(Part.EVENTS)
    @precondition(lambda self: self.batches)
    @rule(number=ANY, tenant=TENANTS)
    def read_feed_of_batch(self, number: int, tenant: str) -> None:
        batch_id = self.pick(self.batches, number)
        wanted = self.model.read_batch(batch_id, tenant)
        got = self.ask(commands.events.read_feed(tenant, after=BEGIN, batch=batch_id))
        if isinstance(got, str):
            assert got == wanted
            return
        assert not isinstance(wanted, str)
        assert by_job(got) == by_job_emitted(one for one in self.model.emitted if one[0].batch == batch_id)
        assert got.has_ended == all(state in FINAL for state, count in wanted.counts.items() if count)


def at_most(command: Command[History], events: int) -> Command[History]:
    """Ask for shorter pages of a history."""
    return command._replace(args=(*command.args[:4], events, *command.args[5:]))


def by_job(page: History) -> dict[str, list[str]]:
    """Sort what was read by job: in one move, the order of jobs is the ledger's."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in page.events:
        found[event.job_id].append(event.type.value)
    return found


def by_job_emitted(emitted: Iterable[tuple[Job, str]]) -> dict[str, list[str]]:
    """Sort the events of the model by job."""
    found: dict[str, list[str]] = defaultdict(list)
    for job, kind in emitted:
        found[job.id].append(kind)
    return found
