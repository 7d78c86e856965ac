"""Growth: what the scripts cost with few and many jobs stored, and how many bytes a job takes, by part."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from redis import Redis
from redis.exceptions import NoScriptError

from benchmarks.lab import Lab, Outcome, Row, Unmeasured, measure
from benchmarks.submit import order
from benchmarks.worker import fill
from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT, DEFAULT_PREFIX, Key
from jobline.ledger.scripts import scripts_of

SIZES = (1_000, 100_000, 1_000_000)
#: Times that a verb is called, in so many blocks: the mean of a block is exact, and their median leaves out
#: those in which a busy machine let Redis wait for a core.
TIMES, BLOCKS = 300, 30
RETENTION = Retention(result_ms=7 * 86_400_000, file_ms=86_400_000, tombstone_ms=86_400_000)
SLOTS = 64
#: What counts as a pause of Redis.
PAUSE_US = 10_000
#: Few enough for the feed of events to hold all of theirs.
WEIGHED = 20_000
TENANT = "public"
T = TypeVar("T")
FREE = 0.8
CALM_S = 0.3


def run(lab: Lab) -> list[Outcome]:
    """Measure each size."""
    sizes = [lab.scaled(size) for size in SIZES]
    return measure(
        lab,
        [Row(f"Jobline, {size:,} finished and {size:,} waiting", partial(at, lab, size)) for size in sizes],
    )


def run_bytes(lab: Lab) -> list[Outcome]:
    """Weigh a waiting and a finished job, in all and by part; once, for bytes are the same each time."""
    count = max(2_000, lab.scaled(WEIGHED))
    fill(lab, "bench.noop", 100)
    finish_all(lab.redis)
    lab.empty()
    empty = used_bytes(lab.redis)
    fill(lab, "bench.noop", count)
    waiting = {"in all": (used_bytes(lab.redis) - empty) / count, **by_part(lab.redis, count)}
    finish_all(lab.redis)
    finished = {"in all": (used_bytes(lab.redis) - empty) / count, **by_part(lab.redis, count)}
    return [
        Outcome(part, "", {"waiting B": waiting.get(part, 0.0), "finished B": finished.get(part, 0.0)})
        for part in dict.fromkeys([*waiting, *finished])
    ]


def at(lab: Lab, size: int) -> dict[str, float]:
    """Fill to a size, time each verb alone, and let what has ended expire."""
    check_room(size)
    with no_rewrites(lab.redis):
        found = time_verbs(lab, size)
    lab.rewrite_log()
    return {**found, **expire_all(lab.redis, lab.server.pid)}


def time_verbs(lab: Lab, size: int) -> dict[str, float]:
    """Fill to a size, and read how long Redis takes for each verb.

    By its own clock: a round trip takes several times as long, and varies from row to row with the machine.
    No rewrite of the log may run or end meanwhile: it forks, and from then on the first write to each page
    of memory copies it, or makes it writable again, in whichever verb comes first.
    """
    fill(lab, "bench.noop", size)
    finish_all(lab.redis)
    fill(lab, "bench.noop", size, first=size)
    client, known = lab.redis, "00000000-0000-7000-8000-000000000000"
    claimed = iter(range(TIMES))

    def settle() -> None:
        next(claimed)
        job = call(client, claim(1))[0]
        call(client, commands.attempts.succeed(job.id, job.fence, b'{"n":1}', (), RETENTION))

    verbs: dict[str, Callable[[], object]] = {
        "submit µs": lambda: call(
            client, commands.submitting.submit(order(f"new-{time.perf_counter_ns()}"), queue_limit=10**9)
        ),
        "claim + settle µs": settle,
        "get µs": lambda: call(client, commands.jobs.read_job(known, TENANT)),
        "list 50 µs": lambda: call(client, commands.jobs.list_jobs(TENANT, limit=50)),
        "list by state µs": lambda: call(client, commands.jobs.list_jobs(TENANT, limit=50, state="SUCCESS")),
    }
    found = {name: middle_us(client, verb) for name, verb in verbs.items()}
    found["MB"] = lab.redis.info("memory")["used_memory"] / 1e6
    return found


@contextmanager
def no_rewrites(client: Redis) -> Iterator[None]:
    """Have Redis rewrite its log at nobody's wish but ours."""
    name = "auto-aof-rewrite-percentage"
    before = client.config_get(name)[name]
    client.config_set(name, 0)
    try:
        yield
    finally:
        client.config_set(name, before)


def expire_all(client: Redis, pid: int) -> dict[str, float]:
    """Let the time of all finished jobs be over, and tick until they are gone; no tick may hold Redis up.

    SLOWLOG counts the time in which a busy machine lets Redis wait for a core, too: so the processor time of
    the longest tick stands beside it.
    """
    client.zunionstore(Key.FINISHED.of(), {Key.FINISHED.of(): 0})
    count = int(client.zcard(Key.FINISHED.of()))
    client.config_set("slowlog-log-slower-than", PAUSE_US)
    client.slowlog_reset()
    tick = commands.clock.tick("bench", "{}", lease_ms=3_600_000, retention=RETENTION)
    worst, worst_cpu, began, more = 0.0, 0.0, time.perf_counter(), True
    while more:
        asked, used = time.perf_counter(), processor_s(pid)
        more = call(client, tick).has_more
        worst, worst_cpu = max(worst, time.perf_counter() - asked), max(worst_cpu, processor_s(pid) - used)
    took = time.perf_counter() - began
    pauses = int(client.slowlog_len())
    return {
        "expire jobs/s": count / took,
        "worst tick ms": worst * 1000,
        "worst tick CPU ms": worst_cpu * 1000,
        "pauses over 10 ms": pauses,
    }


def processor_s(pid: int) -> float:
    """Read how long the main thread of a process has run, its waits for a core left out: proc(5)."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as told:  # noqa: PTH123 - a file of the kernel
        return int(told.read().split()[0]) / 1e9


def used_bytes(client: Redis) -> int:
    """Read the memory in use, once what was freed is gone and no buffer grows any more."""
    before, now = -1, 0
    while before != now:
        before = now
        time.sleep(CALM_S)
        now = int(client.info("memory")["used_memory_dataset"])
    return now


def by_part(client: Redis, count: int) -> dict[str, float]:
    """Add up MEMORY USAGE by kind of key, as bytes a job; kinds below one byte are left out."""
    sizes: dict[str, int] = {}
    for key in client.scan_iter(f"{DEFAULT_PREFIX}*", count=1000):
        kind = key.decode().removeprefix(DEFAULT_PREFIX).partition(":")[0]
        sizes[kind] = sizes.get(kind, 0) + int(client.memory_usage(key, samples=0) or 0)
    return {kind: size / count for kind, size in sorted(sizes.items()) if size >= count}


def finish_all(client: Redis) -> None:
    """Claim and settle everything that waits."""
    client.script_load(scripts_of(DEFAULT_LAYOUT)[commands.attempts.SETTLE].text)
    while jobs := call(client, claim(SLOTS)):
        pipe = client.pipeline(transaction=False)
        for job in jobs:
            command = commands.attempts.succeed(job.id, job.fence, b'{"n":1}', (), RETENTION)
            pipe.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
        pipe.execute()


def claim(slots: int) -> Command[list[commands.attempts.Claimed]]:
    """Claim so many jobs."""
    return commands.attempts.claim("bench", ["default"], slots=slots, lease_ms=3_600_000, retention=RETENTION)


def call(client: Redis, command: Command[T]) -> T:
    """Run one command, in one round trip once Redis knows its script."""
    try:
        reply = client.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
    except NoScriptError:
        client.script_load(scripts_of(DEFAULT_LAYOUT)[command.script].text)
        reply = client.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
    return command.read(reply)


def middle_us(client: Redis, verb: Callable[[], object]) -> float:
    """Give the median block's time in Redis, in microseconds for each call of the verb."""
    each, taken = TIMES // BLOCKS, []
    for _ in range(BLOCKS):
        before = script_us(client)
        for _ in range(each):
            verb()
        taken.append((script_us(client) - before) / each)
    return statistics.median(taken)


def script_us(client: Redis) -> int:
    """Read how long Redis has worked on scripts since it started."""
    return int(client.info("commandstats")["cmdstat_evalsha"]["usec"])


def check_room(size: int) -> None:
    """Refuse a size that this machine has no memory for."""
    with open("/proc/meminfo", encoding="utf-8") as told:  # noqa: PTH123 - a file of the kernel
        free_kb = next(int(line.split()[1]) for line in told if line.startswith("MemAvailable"))
    needed = size * 2_500
    if needed > free_kb * 1024 * FREE:
        raise Unmeasured(f"it needs about {needed / 1e9:.1f} GB, {free_kb / 1e6:.1f} GB are free")
