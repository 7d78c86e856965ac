"""What the hot paths cost in Python, counted and not timed: calls of functions, those in C included.

Times differ between machines and runs; these counts do not, on one version of Python. `calls.json` holds
what was accepted, and on which version; ``tests/contracts/test_costs.py`` fails there when a count rises by
more than a tenth. Accept a rise by ``python -m benchmarks.calls --write``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import redis
from celery.app.trace import trace_task
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message, Scope

from benchmarks import noop
from benchmarks.baseline import print_or_accept
from jobline.domain.registry import Registry
from jobline.domain.retention import Retention
from jobline.domain.settings import Settings
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import scripts_of
from jobline.service.app import build_app
from jobline.worker.app import JoblineCelery, build_celery
from jobline.worker.message import to_message

BASELINE = Path(__file__).with_name("calls.json")
#: What a count may rise by before the check fails.
TOLERANCE = 0.1
LEASE_MS = 30_000
#: Each path is walked so often, and the least is taken: what comes beside it (a timer) does not count.
TIMES = 5
NUMBERS = itertools.count()
BODY = b'{"input": {"n": 1}}'
PATH = "/v1/tasks/bench.noop/jobs"


class Counter:
    """Count the calls of a block, on its thread."""

    def __init__(self) -> None:
        self.calls = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count while the block runs."""
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, arg: object) -> None:  # noqa: ARG002 - the hook's signature
        if event in {"call", "c_call"}:
            self.calls += 1


def measure(url: str, directory: Path) -> dict[str, int]:
    """Count each path once it is warm; jobs go through the ledger at ``url``, which must be empty."""
    settings = Settings(redis_url=SecretStr(url), data_dir=directory)
    registry = Registry.of([noop.noop])
    celery = build_celery(registry, settings)
    with closing(celery.resources.recorder):
        return {
            "POST of a job": asyncio.run(count_posts(build_app(settings, registry))),
            "claim of one, to Celery's message": least(lambda: count_claim(celery, url)),
            "attempt, by Celery's tracer, and its settle": least(lambda: count_attempt(celery, url)),
        }


async def count_posts(app: FastAPI) -> int:
    """Count a submit, from the server's call of the application to its answer."""
    async with app.router.lifespan_context(app):
        return min([await count_post(app) for _ in range(TIMES)])


async def count_post(app: FastAPI) -> int:
    """Count one submit."""
    counter, sent = Counter(), []
    messages = iter([{"type": "http.request", "body": BODY, "more_body": False}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"19")]
    scope: Scope = {
        "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
        "headers": headers, "server": ("127.0.0.1", 8000), "root_path": "",
    }  # fmt: skip
    with counter.counting():
        await app(scope, receive, send)
    if sent[0]["status"] != 202:
        raise RuntimeError(f"the submit was answered {sent}")
    return counter.calls


def count_claim(celery: JoblineCelery, url: str) -> int:
    """Count a claim, from the command to the message that Celery runs; Redis' own part is not Python."""
    submit(url)
    counter = Counter()
    with redis.Redis.from_url(url) as client:
        command = claim()
        client.script_load(scripts_of(DEFAULT_LAYOUT)[command.script].text)
        with counter.counting():
            command = claim()
        reply = client.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
        with counter.counting():
            (claimed,) = command.read(reply)
            to_message(claimed)
        run(
            client,
            commands.attempts.succeed(
                claimed.id, claimed.fence, b"{}", (), celery.resources.settings.retention
            ),
        )
    return counter.calls


def count_attempt(celery: JoblineCelery, url: str) -> int:
    """Count what runs a claimed job: the tracer, the runner, the task and the settle."""
    submit(url)
    with redis.Redis.from_url(url) as client:
        (claimed,) = run(client, claim())
    message = to_message(claimed)
    args, kwargs, _ = message["body"]
    counter = Counter()
    with counter.counting():
        trace_task(celery.tasks[claimed.task], claimed.id, args, kwargs, message["headers"], app=celery)
    return counter.calls


def submit(url: str) -> None:
    """Have one job wait."""
    order = Submission(
        id=f"job-{next(NUMBERS)}", tenant="public", task="bench.noop", queue="default", input=b'{"n":1}',
        max_attempts=1, timeout_ms=60_000,
    )  # fmt: skip
    with redis.Redis.from_url(url) as client:
        run(client, commands.submitting.submit(order, queue_limit=1_000))


def claim() -> Command[list[commands.attempts.Claimed]]:
    """Claim one job."""
    retention = Retention(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
    return commands.attempts.claim("bench", ["default"], slots=1, lease_ms=LEASE_MS, retention=retention)


def run(client: redis.Redis, command: Command[Any]) -> Any:  # noqa: ANN401 - of whatever command
    """Run one command."""
    return command.read(client.eval(scripts_of(DEFAULT_LAYOUT)[command.script].text, 0, *command.args))


def least(count: Callable[[], int]) -> int:
    """Walk a path a few times, and give the least of its counts."""
    return min(count() for _ in range(TIMES))


def version() -> str:
    """Name the Python whose counts these are."""
    return ".".join(platform.python_version_tuple()[:2])


def read_baseline() -> tuple[str, dict[str, int]]:
    """Read the version and the counts that were accepted."""
    content = json.loads(BASELINE.read_text())
    return content["python"], content["calls"]


def risen(found: dict[str, int], accepted: dict[str, int]) -> list[str]:
    """Say which path calls more than was accepted, in one line each."""
    return [
        f"{name}: {count} calls, accepted {accepted.get(name, 0)}"
        for name, count in found.items()
        if count > accepted.get(name, 0) * (1 + TOLERANCE)
    ]


def main() -> None:
    """Print the counts beside the accepted ones, or accept them."""
    print_or_accept(
        BASELINE, measure, lambda: read_baseline()[1], lambda found: {"python": version(), "calls": found}
    )


if __name__ == "__main__":
    main()
