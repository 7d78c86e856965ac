"""Drive the scripts and the model side by side; every answer and the whole ledger must agree after each move.

Several clients are interleaved: workers that hold attempts, some of them given up long ago, and clients that
read, cancel and submit again. Redis runs each script alone, so an interleaving is an order of scripts, and
hypothesis draws the orders.

Time is the machine's: the scripts' one look at the clock, ``redis.call('TIME')``, reads a key instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs import commands
from jobs.commands import Command, Lives, PublishedArtifact, Receipt
from jobs.errors import Gone, NotFound
from jobs.keys import Key
from jobs.record import Failure, Record
from jobs.scripts import Script
from jobs.submission import Submission
from tests.model.comparison import DUMP, compare_ledger, compare_record, strings
from tests.model.ledger_model import FILE_MS, LEASE_MS, QUEUE_LIMIT, RESULT_MS, TOMBSTONE_MS, Job, Model

T = TypeVar("T")
LIVES = Lives(RESULT_MS, FILE_MS, TOMBSTONE_MS)
NOW = "model:now"
CLOCK_CALL = "redis.call('TIME')"
MY_CLOCK = f"""(function() local now = tonumber(redis.call('GET', '{NOW}'))
  return {{ math.floor(now / 1000000), now % 1000000 }} end)()"""
TENANTS = st.sampled_from(["one", "one", "one", "two"])
QUEUES = st.sampled_from(["left", "right"])
OWNERS = st.sampled_from(["w1", "w2"])
#: Mostly the newest of what there is.
ANY = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 6])


READS, FILES = "reads", "files"


@dataclass(frozen=True)
class Order:
    """Hold what hypothesis wishes of one submit."""

    tenant: str
    queue: str
    priority: int
    most: int
    delay_ms: int | None
    expires_ms: int | None
    tags: tuple[str, ...]
    key: str
    fingerprint: str
    file: int | None
    again: bool


ORDERS = st.builds(
    Order,
    tenant=TENANTS,
    queue=QUEUES,
    priority=st.sampled_from([0, 5, 9]),
    most=st.integers(1, 3),
    delay_ms=st.sampled_from([None, None, None, 0, 1, 2_000]),
    expires_ms=st.sampled_from([None, None, 1, 3_000]),
    tags=st.sampled_from([(), (), ("a",), ("a", "b")]),
    key=st.sampled_from(["", "", "", "k1", "k2"]),
    fingerprint=st.sampled_from(["f1", "f1", "f2"]),
    file=st.sampled_from([None, None, None, 0, 1]),
    again=st.sampled_from([False] * 9 + [True]),
)


class LedgerMachine(RuleBasedStateMachine):
    """Make moves; a subclass gives the Redis, and may change a script."""

    ledger: redis.Redis
    mutation: tuple[str, str, str] | None = None
    #: which rules take part: moves of jobs always, READS and FILES where named
    focus: frozenset[str] = frozenset({READS, FILES})
    #: the scripts that Redis has learnt; one a class, as mutations are
    shas: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.ledger.flushdb()
        self.shas["dump"] = self.ledger.script_load(DUMP)
        #: the whole ledger after the last move
        self.dump: list[Any] = []
        #: (job id, fence) of every attempt that was ever claimed: workers keep what they were given
        self.held: list[tuple[str, int]] = []
        self.ids: list[str] = []
        self.files: list[str] = []

    def run(self, command: Command[T]) -> T:
        """Run one script on the machine's time; as in life, by the reader that the command brings."""
        return command.read(self.call(command))

    def call(self, command: Command[Any]) -> Any:
        """Run one script, and give its reply as it came."""
        pipe = self.ledger.pipeline(transaction=False)
        pipe.set(NOW, self.model.now_us)
        pipe.evalsha(self.load(command.script), 0, *command.args)
        pipe.evalsha(self.shas["dump"], 0)
        _, reply, self.dump = pipe.execute()
        return reply

    def load(self, script: Script) -> str:
        """Teach Redis a script on the machine's time, with its defect where it has one."""
        if script.name not in self.shas:
            text = script.text
            if self.mutation is not None and self.mutation[0] == script.name:
                _, old, new = self.mutation
                assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {script.name}"
                text = text.replace(old, new)
            self.shas[script.name] = self.ledger.script_load(text.replace(CLOCK_CALL, MY_CLOCK))
        return self.shas[script.name]

    def attempt(self, number: int) -> tuple[str, int]:
        """Take an attempt, more often one whose job runs, be it in this attempt or in a later one."""
        running = [one for one in self.held if one[0] in self.model.jobs and self.model.jobs[one[0]].lease]
        return self.pick(running if running and number % 3 else self.held, number)

    def pick(self, found: list[T], number: int) -> T:
        """Take one of the newest."""
        return found[-1 - number % min(len(found), 8)]

    # moves

    @initialize(orders=st.lists(ORDERS, min_size=2, max_size=4))
    def begin(self, orders: list[Order]) -> None:
        """Have jobs to move, and no gap before the first tick."""
        self.tick("w1")
        self.keep_file("one")
        self.submit(orders)
        self.claim("w1", 2, ["right", "left"], 0)

    @rule(ms=st.sampled_from([0.001, 1, 500, 2_000, 3_500, 4_000, 10_000, 21_000]))
    def pass_time(self, ms: float) -> None:
        self.model.now_us += int(ms * 1000)

    @rule(orders=st.lists(ORDERS, min_size=1, max_size=3))
    def submit(self, orders: list[Order]) -> None:
        for order in orders:
            self.submit_one(order)

    def submit_one(self, wish: Order) -> None:
        """Submit one job, or one that was submitted before."""
        job_id = self.ids[-1] if wish.again and self.ids else f"j{len(self.ids):03}"
        files = (self.pick(self.files, wish.file),) if wish.file is not None and self.files else ()
        idem = f"{wish.tenant}-{wish.key}" if wish.key else ""
        order = Submission(
            id=job_id,
            tenant=wish.tenant,
            task="model.task",
            queue=wish.queue,
            input=b"{}",
            max_attempts=wish.most,
            timeout_ms=1000,
            priority=wish.priority,
            delay_ms=wish.delay_ms,
            expires_in_ms=wish.expires_ms,
            tags=wish.tags,
            idempotency=idem,
            fingerprint=wish.fingerprint,
            files=files,
        )
        job = Job(
            job_id,
            wish.tenant,
            "model.task",
            wish.queue,
            wish.priority,
            wish.most,
            0,
            tags=wish.tags,
            idem=idem,
            fingerprint=wish.fingerprint,
            files=files,
        )
        word, about = self.model.submit(job, wish.delay_ms, wish.expires_ms)
        receipt: Receipt[Record] = self.run(commands.submit(order, queue_limit=QUEUE_LIMIT))
        assert receipt.outcome.value == word
        if word == "created":
            self.ids.append(job_id)
        if receipt.record is not None:
            assert receipt.record.id == about
            compare_record(self.model, receipt.record)
        elif word != "full":
            assert receipt.about == about

    @rule(
        owner=OWNERS,
        slots=st.integers(1, 3),
        queues=st.sampled_from([["left"], ["right", "left"]]),
        after_ms=st.sampled_from([0, 0, 1, 3_500]),
    )
    def claim(self, owner: str, slots: int, queues: list[str], after_ms: int) -> None:
        self.model.now_us += after_ms * 1000
        got = self.run(commands.claim(owner, queues, slots=slots, lease_ms=LEASE_MS, lives=LIVES))
        told = {item[0].decode(): item[1] for item in self.dump}
        revoked = {
            job.id
            for queue in queues
            for job in self.model.waiting(queue)
            if dict(strings(told[Key.JOB.of(job.id)]))["state"] == "REVOKED"
        }
        started = self.model.claim(owner, queues, slots, [one.id for one in got], revoked)
        wanted = [(job.id, job.attempt, job.fence, job.queue) for job in started]
        assert [(one.id, one.attempt, one.fence, one.queue) for one in got] == wanted
        assert all((one.input, one.task, one.timeout_ms) == (b"{}", "model.task", 1000) for one in got)
        self.held += [(one.id, one.fence) for one in got]

    @precondition(lambda self: self.held)
    @rule(number=ANY, owner=OWNERS, dies=st.booleans())
    def take_over(self, number: int, owner: str, dies: bool) -> None:  # noqa: FBT001
        """Have one worker die, or stop, and another go on."""
        if dies:
            self.lose(number)
        else:
            self.release([number])
        self.claim(owner, 3, ["right", "left"], 0)

    @precondition(lambda self: self.held)
    @rule(numbers=st.lists(ANY, min_size=1, max_size=3, unique=True))
    def renew(self, numbers: list[int]) -> None:
        held = list(dict(self.attempt(number) for number in numbers).items())
        got = self.run(commands.renew(held, lease_ms=LEASE_MS))
        assert (got.lost, got.cancelled, got.current) == self.model.renew(held)

    @precondition(lambda self: self.held)
    @rule(
        number=ANY,
        state=st.sampled_from(["SUCCESS", "FAILURE", "RETRY", "RETRY", "RETRY", "REVOKED"]),
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
            "SUCCESS": lambda: commands.succeed(job, fence, '{"ok":1}', artifacts, LIVES),
            "FAILURE": lambda: commands.fail(job, fence, failure, LIVES),
            "RETRY": lambda: commands.retry(job, fence, failure, delay, LIVES),
            "REVOKED": lambda: commands.stop(job, fence, LIVES),
        }[state]()
        made = ((f"art-{job}", "a.txt"),) if makes and state == "SUCCESS" else ()
        settled = self.run(command)
        assert (settled.is_current, settled.state.value) == self.model.settle(job, fence, state, delay, made)
        if made and settled.is_current:
            self.files.append(f"art-{job}")

    @precondition(lambda self: self.held)
    @rule(number=ANY)
    def lose(self, number: int) -> None:
        job, fence = self.attempt(number)
        lost = self.run(commands.lose(job, fence, LIVES))
        assert (lost.is_current, lost.state.value) == self.model.lose(job, fence)

    @precondition(lambda self: self.held)
    @rule(numbers=st.lists(ANY, min_size=1, max_size=3, unique=True))
    def release(self, numbers: list[int]) -> None:
        held = list(dict(self.attempt(number) for number in numbers).items())
        assert self.run(commands.release(held, LIVES)) == self.model.release(held)

    @precondition(lambda self: self.held)
    @rule(
        number=ANY, kind=st.sampled_from(["progress", "log"]), content=st.sampled_from(['{"done":1}', "{}"])
    )
    def report(self, number: int, kind: str, content: str) -> None:
        job, fence = self.attempt(number)
        noted = self.run(commands.report(job, fence, kind, content))
        assert (noted.is_current, noted.cancel_requested) == self.model.report(job, fence, kind, content)

    @precondition(lambda self: self.ids)
    @rule(number=ANY, tenant=TENANTS)
    def cancel(self, number: int, tenant: str) -> None:
        self.cancel_one(self.pick(self.ids, number), tenant)

    def cancel_one(self, job: str, tenant: str) -> None:
        """Cancel a job by its id."""
        reply = self.call(commands.cancel(job, tenant, LIVES))
        assert reply[0].decode() == self.model.cancel(job, tenant)
        if len(reply) > 1:
            compare_record(self.model, Record.read(job, reply[1]))

    @precondition(lambda self: self.ids and READS in self.focus)
    @rule(number=ANY, tenant=TENANTS, watcher=st.sampled_from(["", "p1", "p2"]))
    def read(self, number: int, tenant: str, watcher: str) -> None:
        job = self.pick(self.ids, number)
        wanted = self.model.read(job, tenant, watcher)
        try:
            record = self.run(commands.read_job(job, tenant, watcher=watcher))
        except Gone:
            assert wanted == "gone"
        except NotFound:
            assert wanted == "unknown"
        else:
            assert isinstance(wanted, Job)
            compare_record(self.model, record)

    @precondition(lambda self: READS in self.focus)
    @rule(
        tenant=TENANTS,
        state=st.sampled_from(["", "PENDING", "STARTED", "SUCCESS", "REVOKED"]),
        queue=st.sampled_from(["", "left"]),
        tag=st.sampled_from(["", "a"]),
        limit=st.integers(1, 3),
    )
    def list_jobs(self, tenant: str, state: str, queue: str, tag: str, limit: int) -> None:
        found: list[str] = []
        below = ""
        for _ in range(50):
            page = self.run(
                commands.list_jobs(tenant, limit=limit, below_stamp=below, state=state, queue=queue, tag=tag)
            )
            assert len(page.records) <= limit
            found += [record.id for record in page.records]
            below = page.next_stamp
            if not below:
                break
        assert found == self.model.page(tenant, state, queue, tag)

    @rule(owner=OWNERS)
    def tick(self, owner: str) -> None:
        got = self.run(commands.tick(owner, json.dumps(owner), lease_ms=LEASE_MS, lives=LIVES))
        assert (set(got.cancelled), got.has_more) == (self.model.tick(owner), False)

    @precondition(lambda self: READS in self.focus)
    @rule()
    def workers(self) -> None:
        got = self.run(commands.workers())
        wanted = sorted((self.model.now - beat, name) for name, beat in self.model.beats.items())
        assert sorted((one.age_ms, one.name) for one in got) == wanted

    @precondition(lambda self: FILES in self.focus)
    @rule(tenant=TENANTS)
    def keep_file(self, tenant: str) -> None:
        name = f"file-{len(self.files):03}"
        self.files.append(name)
        command = commands.keep_file(
            name, tenant, name="n", media_type="text/plain", size_bytes=1, sha256="0", lives=LIVES
        )
        assert self.run(command) == self.model.keep_file(name, tenant)

    @precondition(lambda self: self.files and FILES in self.focus)
    @rule(number=ANY, tenant=TENANTS)
    def read_file(self, number: int, tenant: str) -> None:
        name = self.pick(self.files, number)
        (found,) = self.call(commands.read_files(tenant, [name]))
        word = self.model.look_at_file(name, tenant)
        assert found[0].decode() == name
        if word == "found":
            expires = self.model.files[name].expires
            assert found[2].decode() == ("" if expires is None else str(expires))
        else:
            assert found[1].decode() == word

    @precondition(lambda self: self.files and FILES in self.focus)
    @rule(number=ANY, tenant=TENANTS)
    def drop_file(self, number: int, tenant: str) -> None:
        name = self.pick(self.files, number)
        reply = self.call(commands.drop_file(name, tenant, LIVES))
        assert reply.decode() == self.model.drop_file(name, tenant)

    @precondition(lambda self: FILES in self.focus)
    @rule(deletes=st.booleans())
    def trash(self, deletes: bool) -> None:  # noqa: FBT001
        named = self.run(commands.trash())
        assert set(named) == self.model.trash
        if deletes and self.model.trash:
            gone = min(self.model.trash)
            self.model.trash.discard(gone)
            left = self.run(commands.trash([gone]))
            assert set(left) == self.model.trash

    @invariant()
    def agrees(self) -> None:
        """Hold the whole ledger against the model."""
        compare_ledger(self.model, self.dump)
