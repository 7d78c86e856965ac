"""Lists: what a page costs with few jobs stored and with a million, by every filter and every pair."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from redis import Redis

from benchmarks.growth import call, check_room
from benchmarks.lab import PROC, Lab, Outcome
from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.record import Failure
from jobline.domain.retention import Retention
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed, Settled
from jobline.ledger.commands.batches import BatchOrder
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import Script, scripts_of, verbs

FEW, MANY = 1_000, 1_000_000
BATCH = 1_000
PAGE = 50
#: Turns of each ledger in a round, and pages in a turn.
TURNS, IN_A_ROW = 20, 10
RETENTION = Retention(result_ms=7 * 86_400_000, file_ms=86_400_000, tombstone_ms=0)
TASKS = tuple(f"bench.task{number}" for number in range(10))
QUEUES = ("fast", "slow", "default")
#: Every task in every queue once.
KINDS = len(TASKS) * len(QUEUES)
FAILURE = Failure("bench.broken", "It broke.", retryable=True, attempt=1)


class Ledger(NamedTuple):
    """Point at a ledger that was filled, and at a batch in its middle with the stamp of its first job."""

    client: Redis
    pid: int
    jobs: int
    batch: str
    stamp: int


def run(lab: Lab) -> list[Outcome]:
    """Fill two servers once, and ask them in turns."""
    with ledger(lab, FEW) as few, ledger(lab, max(BATCH, lab.scaled(MANY))) as many:
        pairs = zip(choices(few), choices(many), strict=True)
        rows = [
            (name, filters, others)
            for (name, filters), (_, others) in pairs
            if not lab.only or any(word in name for word in lab.only)
        ]
        return [compare(lab, few, many, *row) for row in rows]


@contextlib.contextmanager
def ledger(lab: Lab, size: int) -> Iterator[Ledger]:
    """Run a server of its own with so many jobs in every state."""
    check_room(size)
    with (
        EmbeddedRedis(lab.directory / f"lists-{size}") as server,
        Redis.from_url(server.url) as client,
    ):
        client.config_set("auto-aof-rewrite-percentage", 0)  # it would write while the pages are timed
        for name in verbs():
            client.script_load(scripts_of(DEFAULT_LAYOUT)[Script(name)].text)
        began = time.perf_counter()
        batches = [fill(client, first) for first in range(0, size, BATCH)]
        print(f"  {size:,} jobs, filled in {time.perf_counter() - began:.0f} s", flush=True)
        yield Ledger(client, server.pid, size, *batches[len(batches) // 2])


def choices(here: Ledger) -> Iterator[tuple[str, dict[str, str]]]:
    """Give no filter, each alone, and each pair; values that many jobs have, and a tag that few have."""
    single = {
        "state": {"state": "FAILURE"},
        "task": {"task": TASKS[3]},
        "queue": {"queue": "slow"},
        "tag": {"tag": "all"},
        "rare tag": {"tag": "rare"},
        "batch_id": {"batch_id": here.batch},
        "created_after": {"from_stamp": str(here.stamp + BATCH // 4)},
        "created_before": {"below_stamp": str(here.stamp + 3 * BATCH // 4)},
    }
    yield "no filter", {}
    yield from single.items()
    for (one, first), (other, second) in itertools.combinations(single.items(), 2):
        if first.keys() != second.keys():
            yield f"{one} + {other}", {**first, **second}


def compare(
    lab: Lab, few: Ledger, many: Ledger, name: str, filters: dict[str, str], others: dict[str, str]
) -> Outcome:
    """Time pages of the same length, which is what the few jobs give."""
    limit = max(1, len(call(few.client, commands.jobs.list_jobs("public", limit=PAGE, **filters)).records))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(lab.rounds * TURNS):
        times[0].append(measure(few, filters, limit))
        times[1].append(measure(many, others, limit))
    short, long = (statistics.median(one) * 1000 for one in times)
    print(f"  {name}: {short:.3f} ms, {long:.3f} ms, {long / short:.2f}", flush=True)
    figures = {
        "ratio": long / short,
        f"{few.jobs:,} jobs ms": short,
        f"{many.jobs:,} jobs ms": long,
        "jobs a page": float(limit),
    }
    return Outcome(name, "", figures)


def measure(here: Ledger, filters: dict[str, str], limit: int) -> float:
    """Give the seconds of processor time that a page costs Redis, whatever else runs on the machine."""
    command = commands.jobs.list_jobs("public", limit=limit, **filters)
    call(here.client, command)  # the caches are the other ledger's
    before = used_s(here.pid)
    for _ in range(IN_A_ROW):
        call(here.client, command)
    return (used_s(here.pid) - before) / IN_A_ROW


def used_s(pid: int) -> float:
    """Read how long a process has run; Linux alone tells it so exactly."""
    return int((PROC / str(pid) / "schedstat").read_text().split()[0]) / 1e9


def fill(client: Redis, first: int) -> tuple[str, int]:
    """Add one batch of jobs, of every task in every queue some in each state; give its id and stamp."""
    order = BatchOrder(id=f"batch-{first}", tenant="public", jobs=[make(first, one) for one in range(BATCH)])
    batch = call(client, commands.batches.submit_batch(order, queue_limit=10**9)).record
    pipe = client.pipeline(transaction=False)
    for queue in QUEUES:
        for number, job in enumerate(claim(client, queue)):
            if command := end(job, number // len(TASKS)):
                pipe.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
    for number in range(first + 3 * KINDS, first + 4 * KINDS):
        command = commands.jobs.cancel(f"job-{number}", "public", RETENTION)
        pipe.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
    pipe.execute()
    return order.id, batch.stamp if batch else 0


def claim(client: Redis, queue: str) -> list[Claimed]:
    """Claim all jobs that are due, which are a dozen of each task."""
    return call(
        client,
        commands.attempts.claim("bench", [queue], slots=BATCH, lease_ms=86_400_000, retention=RETENTION),
    )


def end(job: Claimed, turn: int) -> Command[Settled] | None:
    """Say how a task's job ends, of a dozen: one still runs."""
    match turn:
        case 0:
            return None
        case 1:
            return commands.attempts.retry(job.id, job.fence, FAILURE, 86_400_000, RETENTION)
        case 2 | 3:
            return commands.attempts.fail(job.id, job.fence, FAILURE, RETENTION)
        case _:
            return commands.attempts.succeed(job.id, job.fence, b"{}", (), RETENTION)


def make(first: int, one: int) -> Submission:
    """Make one job of a batch; three of ten are due, all have a tag, and one of a thousand a rare one."""
    number = first + one
    return Submission(
        id=f"job-{number}",
        tenant="public",
        task=TASKS[one % len(TASKS)],
        queue=QUEUES[one % len(QUEUES)],
        input=b'{"n":1}',
        max_attempts=3,
        timeout_ms=60_000,
        delay_ms=0 if one // KINDS % 10 < 3 else 86_400_000,
        tags=("all", "rare") if one == 0 else ("all",),
    )
