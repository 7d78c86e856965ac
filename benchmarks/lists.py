"""Lists: the time of a page at a thousand jobs and at a million, for every filter and every pair of filters.

Run by ``python -m benchmarks.lists``; needs about 3 GB of memory and three minutes.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from redis import Redis

from jobs import commands
from jobs.commands import BatchOrder, Command, Lives
from jobs.record import Failure
from jobs.scripts import Verb
from jobs.submission import Submission
from service.embedded import EmbeddedRedis

SIZES = (1_000, 1_000_000)
BATCH = 1_000
PAGE = 50
TIMES = 200
WARM = 20
LIVES = Lives(result_ms=7 * 86_400_000, file_ms=86_400_000, tombstone_ms=0)
TASKS = tuple(f"bench.task{number}" for number in range(10))
QUEUES = ("fast", "slow", "default")
T = TypeVar("T")
FAILURE = Failure("bench.broken", "It broke.", retryable=True, attempt=1)


def main() -> None:
    """Fill to each size, measure, and print the ratios."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    found: dict[str, list[float]] = {}
    limits: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as directory, EmbeddedRedis(Path(directory)) as server:
        client = Redis.from_url(server.url)
        for verb in Verb:
            client.script_load(verb.value.text)
        held = 0
        for size in sizes:
            started = time.perf_counter()
            stamps = [fill(client, number) for number in range(held, size, BATCH)]
            held = size
            print(f"{size:,} jobs, filled in {time.perf_counter() - started:.0f} s", flush=True)
            for name, filters in choices(stamps[len(stamps) // 2]):
                limit = limits.setdefault(name, count(client, filters))
                found.setdefault(name, []).append(measure(client, filters, limit))
    for name, times in found.items():
        print(
            f"{name:32}",
            " ".join(f"{one * 1000:8.3f} ms" for one in times),
            f"  x {times[-1] / times[0]:.2f}, {limits[name]} jobs a page",
        )
    print(f"worst ratio: {max(times[-1] / times[0] for times in found.values()):.2f}")


def choices(middle: tuple[str, int]) -> Iterator[tuple[str, dict[str, str]]]:
    """Give no filter, each alone, and each pair; values that many jobs have, and a tag that few have."""
    batch, stamp = middle
    single = {
        "state": {"state": "FAILURE"},
        "task": {"task": TASKS[3]},
        "queue": {"queue": "slow"},
        "tag": {"tag": "all"},
        "rare tag": {"tag": "rare"},
        "batch_id": {"batch_id": batch},
        "created_after": {"from_stamp": str(stamp)},
        "created_before": {"below_stamp": str(stamp)},
    }
    yield "none", {}
    yield from single.items()
    for (one, first), (other, second) in itertools.combinations(single.items(), 2):
        if first.keys() != second.keys():
            yield f"{one} + {other}", {**first, **second}


def count(client: Redis, filters: dict[str, str]) -> int:
    """Say how many jobs a page has: pages of different lengths would not compare."""
    return max(1, len(run(client, commands.list_jobs("public", limit=PAGE, **filters)).records))


def measure(client: Redis, filters: dict[str, str], limit: int) -> float:
    """Give the median time of a page, in seconds."""
    command = commands.list_jobs("public", limit=limit, **filters)
    times = []
    for _ in range(TIMES + WARM):
        started = time.perf_counter()
        run(client, command)
        times.append(time.perf_counter() - started)
    return statistics.median(times[WARM:])


def fill(client: Redis, first: int) -> tuple[str, int]:
    """Add one batch of jobs, with some in each state; give its id and stamp."""
    order = BatchOrder(id=f"batch-{first}", tenant="public", jobs=[make(first + one) for one in range(BATCH)])
    batch = run(client, commands.submit_batch(order, queue_limit=10**9)).batch
    jobs = run(client, commands.claim("bench", QUEUES, slots=300, lease_ms=86_400_000, lives=LIVES))
    pipe = client.pipeline(transaction=False)
    for number, job in enumerate(jobs[:-5]):
        if number % 5:
            command = commands.succeed(job.id, job.fence, b"{}", (), LIVES)
        elif number % 2:
            command = commands.fail(job.id, job.fence, FAILURE, LIVES)
        else:
            command = commands.retry(job.id, job.fence, FAILURE, 86_400_000, LIVES)
        pipe.evalsha(command.script.sha, 0, *command.args)
    pipe.execute()
    run(client, commands.cancel(f"job-{first + BATCH - 1}", "public", LIVES))
    return order.id, batch.stamp if batch else 0


def make(number: int) -> Submission:
    """Make one job; every one has a tag, one of a thousand a rare one."""
    return Submission(
        id=f"job-{number}",
        tenant="public",
        task=TASKS[number % len(TASKS)],
        queue=QUEUES[number % len(QUEUES)],
        input=b'{"n":1}',
        max_attempts=3,
        timeout_ms=60_000,
        tags=("all", "rare") if number % 1000 == 0 else ("all",),
    )


def run(client: Redis, command: Command[T]) -> T:
    """Run one command."""
    return command.read(client.evalsha(command.script.sha, 0, *command.args))


if __name__ == "__main__":
    main()
