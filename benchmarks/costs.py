"""What each verb costs, counted and not timed: round trips to Redis, and Redis calls inside the scripts.

Times differ between machines and runs; these counts do not. `costs.json` holds what was accepted;
``tests/contracts/test_costs.py`` fails when a count rises by more than a tenth. A rise that buys something is
accepted by ``python -m benchmarks.costs --write``, and the difference is reviewed with the change.

Counted by MONITOR, which shows a client's commands and, marked ``lua``, the calls of its scripts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import redis
from pydantic import SecretStr

from benchmarks import noop
from benchmarks.baseline import print_or_accept
from jobline.domain.record import Failure, Record
from jobline.domain.registry import Registry
from jobline.domain.retention import Retention
from jobline.domain.settings import Settings
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.attempts import Claimed
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import scripts_of
from jobline.service.app import build_app

T = TypeVar("T")

BASELINE = Path(__file__).with_name("costs.json")
RETENTION = Retention(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
FAILURE = Failure("bench.failed", "It was asked to fail.", retryable=True, attempt=1)
LEASE_MS = 30_000
#: A worker claims for several slots at once, and renews for all that it runs.
SLOTS = 8
QUEUE = "default"
TENANT = "public"
URL = "/v1/tasks/bench.noop/jobs"
#: Jobs in a batch.
EACH = 100
#: What a cost may rise by before the check fails.
TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what one verb asked of Redis."""

    round_trips: int
    calls: int

    def __str__(self) -> str:
        return f"{self.round_trips} round trips, {self.calls} calls"


class Meter:
    """Count the commands of a block."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self._url = url
        self.costs: dict[str, Cost] = {}

    @contextlib.contextmanager
    def count(self, name: str) -> Iterator[None]:
        """Note, under a name, what the block asked of Redis."""
        end = f"end-of-{name}"
        with redis.Redis.from_url(self._url) as ears, ears.monitor() as monitor:
            yield
            self.redis.echo(end)
            round_trips = calls = 0
            for command in monitor.listen():
                if end in command["command"]:
                    break
                if command["client_type"] == "lua":
                    calls += 1
                else:
                    round_trips += 1
        self.costs[name] = Cost(round_trips, calls)

    def run(self, command: Command[T]) -> T:
        """Run one command in one round trip; its script is loaded already."""
        return command.read(
            self.redis.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
        )

    def load(self, used: Iterable[Command[Any]]) -> None:
        """Load the scripts of commands (Any: of whatever result) ahead of the counting."""
        for command in used:
            self.redis.script_load(scripts_of(DEFAULT_LAYOUT)[command.script].text)


def measure(url: str, directory: Path) -> dict[str, Cost]:
    """Count every verb, on an empty Redis, after a first job of its kind has gone through."""
    meter = Meter(url)
    numbers = iter(range(10_000))

    def submit(**more: object) -> None:
        meter.run(order(next(numbers), **more))

    def claim(slots: int) -> list[Claimed]:
        return meter.run(
            commands.attempts.claim("bench", [QUEUE], slots=slots, lease_ms=LEASE_MS, retention=RETENTION)
        )

    def succeed(job: Claimed) -> None:
        meter.run(commands.attempts.succeed(job.id, job.fence, b'{"n":1}', (), RETENTION))

    meter.load(
        [
            order(0),
            batch(1),
            commands.attempts.claim("bench", [QUEUE], slots=1, lease_ms=LEASE_MS, retention=RETENTION),
            commands.attempts.succeed("", 0, b"", (), RETENTION),
            commands.attempts.renew([], lease_ms=LEASE_MS),
            commands.jobs.cancel("", TENANT, RETENTION),
            commands.jobs.read_job("", TENANT),
            commands.attempts.report("", 0, "progress", "{}"),
        ]
    )
    warm_up(submit, claim, succeed, meter)
    full = {
        "tags": ("one", "two"),
        "idempotency": "digest",
        "fingerprint": "digest",
        "expires_in_ms": 60_000,
    }
    with meter.count("submit"):
        submit()
    with meter.count("submit, delayed"):
        submit(delay_ms=3_600_000)
    with meter.count("submit, with key, tags and expiry"):
        submit(**full)
    with meter.count("claim of one"):
        (job,) = claim(1)
    with meter.count("report"):
        meter.run(commands.attempts.report(job.id, job.fence, "progress", "{}"))
    with meter.count("read"):
        meter.run(commands.jobs.read_job(job.id, TENANT))
    with meter.count("settle, success"):
        succeed(job)
    for _ in range(SLOTS + 2):
        submit()
    claim(1)  # the one with key, tags and expiry
    with meter.count("claim of eight"):
        held = claim(SLOTS)
    with meter.count("renew of eight"):
        meter.run(commands.attempts.renew([(job.id, job.fence) for job in held], lease_ms=LEASE_MS))
    with meter.count("settle, failure"):
        meter.run(commands.attempts.fail(held[0].id, held[0].fence, FAILURE, RETENTION))
    with meter.count("settle, retry"):
        meter.run(commands.attempts.retry(held[1].id, held[1].fence, FAILURE, 1_000, RETENTION))
    for job in claim(100):
        succeed(job)
    with meter.count("claim of none"):
        claim(1)
    submit()
    with meter.count("cancel, waiting"):
        meter.run(commands.jobs.cancel(f"job-{next(numbers) - 1}", TENANT, RETENTION))
    asyncio.run(over_http(meter, url, directory))
    with meter.count("submit of a batch of a hundred"):
        meter.run(batch(EACH))
    return meter.costs


def warm_up(
    submit: Callable[..., None],
    claim: Callable[[int], list[Claimed]],
    succeed: Callable[[Claimed], None],
    meter: Meter,
) -> None:
    """Let one job of each kind go through, so that no index is born while it is counted."""
    for _ in range(3):
        submit(max_attempts=3)
    one, two, three = claim(3)
    succeed(one)
    meter.run(commands.attempts.fail(two.id, two.fence, FAILURE, RETENTION))
    meter.run(commands.attempts.retry(three.id, three.fence, FAILURE, 3_600_000, RETENTION))
    meter.run(commands.jobs.cancel(three.id, TENANT, RETENTION))


async def over_http(meter: Meter, url: str, directory: Path) -> None:
    """Count what a request costs, the service's own commands included."""
    app = build_app(Settings(redis_url=SecretStr(url), data_dir=directory), Registry.of([noop.noop]))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bench") as http,
    ):
        (await http.post(URL, json={"input": {"n": 1}})).raise_for_status()  # connects, loads the script
        with meter.count("POST of a job"):
            job = (await http.post(URL, json={"input": {"n": 1}})).raise_for_status().json()
        await http.get(f"/v1/jobs/{job['id']}")
        with meter.count("GET of a job"):
            (await http.get(f"/v1/jobs/{job['id']}")).raise_for_status()


def order(number: int, **more: object) -> Command[commands.submitting.Receipt[Record]]:
    """Make the submit of one no-op."""
    return commands.submitting.submit(submission(f"job-{number}", **more), queue_limit=1_000_000)


def batch(count: int) -> Command[commands.submitting.Receipt[commands.batches.Batch]]:
    """Make the submit of many."""
    jobs = [submission(f"one-of-many-{number}") for number in range(count)]
    return commands.batches.submit_batch(
        commands.batches.BatchOrder(id="many", tenant=TENANT, jobs=jobs), queue_limit=1_000_000
    )


def submission(id: str, **more: object) -> Submission:
    """Fill in a no-op."""
    fields: dict[str, object] = {
        "id": id,
        "tenant": TENANT,
        "task": "bench.noop",
        "queue": QUEUE,
        "input": b'{"n":1}',
        "max_attempts": 3,
        "timeout_ms": 60_000,
        **more,
    }
    return Submission(**fields)  # type: ignore[arg-type] # a few fields at a time, by name


def risen(found: dict[str, Cost], accepted: dict[str, Cost]) -> list[str]:
    """Say what costs more than was accepted, in one line each."""
    lines = []
    for name, cost in found.items():
        before = accepted.get(name)
        if before is None:
            lines.append(f"{name}: not in {BASELINE.name}")
        elif cost.round_trips > before.round_trips or cost.calls > before.calls * (1 + TOLERANCE):
            lines.append(f"{name}: {cost}; accepted: {before}")
    return lines


def read_baseline() -> dict[str, Cost]:
    """Read what was accepted."""
    return {name: Cost(**cost) for name, cost in json.loads(BASELINE.read_text()).items()}


def main() -> None:
    """Print the costs beside the accepted ones, or accept them."""
    print_or_accept(
        BASELINE, measure, read_baseline, lambda found: {name: asdict(cost) for name, cost in found.items()}
    )


if __name__ == "__main__":
    main()
