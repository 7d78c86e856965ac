"""Event streams: what each costs one API process, what all cost while nothing happens, how soon all are told.

Clients are bare sockets of this process. The job that they wait for is ended by the ledger's own commands; no
worker runs. The idle time holds the comment that each stream gets every 15 s.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import redis

from benchmarks.lab import Lab, Outcome, Row, Running, measure, port
from jobline.cli.embedded import EmbeddedRedis
from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import scripts_of

CLIENTS = 10_000
WARM_UP = 200
#: At once: more would fill the queue of the listening socket.
AT_ONCE = 200
IDLE_S = 20.0
PATIENCE_S = 60.0
RETENTION = Retention(result_ms=60_000, file_ms=60_000, tombstone_ms=60_000)
PAGE_BYTES = 4096
END = b"event: job.succeeded"


def run(lab: Lab) -> list[Outcome]:
    """Measure the streams of one job and of all."""
    count = lab.scaled(CLIENTS)
    rows = [
        Row(f"{count:,} streams of one job", lambda: wait(lab, "/v1/jobs/{id}/events", END, count)),
        Row(f"{count:,} streams of all jobs", lambda: wait(lab, "/v1/events", END, count)),
    ]
    return measure(lab, rows)


def wait(lab: Lab, path: str, word: bytes, count: int) -> dict[str, float]:
    """Have ``count`` clients wait for one job, and end it."""
    with serve(lab) as (api, url):
        asyncio.run(wait_all(lab, api, url, path, word, WARM_UP))
        return asyncio.run(wait_all(lab, api, url, path, word, count))


@contextmanager
def serve(lab: Lab) -> Iterator[tuple[Running, str]]:
    """Run one API process."""
    free = port()
    with lab.process((sys.executable, "-m", "jobline.cli", "api", "--port", str(free))) as api:
        api.wait_for_port(free)
        yield api, f"http://127.0.0.1:{free}"


async def wait_all(lab: Lab, api: Running, url: str, path: str, word: bytes, count: int) -> dict[str, float]:
    """Measure one crowd, from its coming to its going."""
    target = path.format(id=await asyncio.to_thread(submit, url))
    before_kb, before_s = memory_kb(api), api.cpu_s()
    crowd = [Client(word) for _ in range(count)]
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(one.ask(url, target) for one in crowd[start : start + AT_ONCE]))
    await settle(api)
    came_kb, came_s = memory_kb(api), api.cpu_s()
    connections = len(lab.redis.client_list()) - 1
    await asyncio.sleep(IDLE_S if count > WARM_UP else 0)
    idle_s = api.cpu_s() - came_s
    end = end_job(lab)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(one.told for one in crowd))
    told = sorted(one.told.result() - end for one in crowd)
    for one in crowd:
        one.leave()
    await settle(api)
    return {
        "kB each": (came_kb - before_kb) / count,
        "µs to come": (came_s - before_s) / count * 1e6,
        "idle % of a core": idle_s / IDLE_S * 100,
        "connections to Redis": connections,
        "first told ms": told[0] * 1000,
        "last told ms": told[-1] * 1000,
    }


class Client(asyncio.Protocol):
    """Wait on a socket for a word."""

    def __init__(self, word: bytes) -> None:
        self.told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._word = word
        self._tail = b""
        self._transport: asyncio.WriteTransport

    async def ask(self, url: str, target: str) -> None:
        """Connect, and send the request."""
        host, _, number = url.removeprefix("http://").partition(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(number))
        self._transport.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the way to write."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - narrows a type
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Look for the word."""
        self._tail = self._tail[-len(self._word) :] + data
        if self._word in self._tail and not self.told.done():
            self.told.set_result(time.monotonic())

    def leave(self) -> None:
        """Hang up."""
        self._transport.abort()


async def settle(api: Running) -> None:
    """Return when the process has nothing left to do."""
    used = -1.0
    while used + 0.02 < (used := api.cpu_s()):  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.5)


def submit(url: str) -> str:
    """Submit the job that all wait for."""
    order = {"input": {"n": 1}}
    answer = httpx.post(f"{url}/v1/tasks/bench.noop/jobs", json=order, trust_env=False)
    job_id: str = answer.raise_for_status().json()["id"]
    return job_id


def end_job(lab: Lab) -> float:
    """Claim the one job that waits and end it; gives the time of its end."""
    claim = commands.attempts.claim("bench", ["default"], slots=1, lease_ms=30_000, retention=RETENTION)
    (job,) = claim.read(lab.redis.eval(scripts_of(DEFAULT_LAYOUT)[claim.script].text, 0, *claim.args))
    end = commands.attempts.succeed(job.id, job.fence, json.dumps({"n": 1}), (), RETENTION)
    lab.redis.eval(scripts_of(DEFAULT_LAYOUT)[end.script].text, 0, *end.args)
    return time.monotonic()


def memory_kb(api: Running) -> float:
    """Give what the process holds of its own: resident, without what it shares."""
    fields = Path(f"/proc/{api.process.pid}/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * PAGE_BYTES / 1000


def main() -> None:
    """Measure this alone: ``python -m benchmarks.streams [scale]``."""
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedRedis(Path(directory)) as server,
        redis.Redis.from_url(server.url) as client,
    ):
        scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
        run(Lab(server, Path(directory), rounds=1, seconds=IDLE_S, scale=scale, redis=client))


if __name__ == "__main__":
    main()
