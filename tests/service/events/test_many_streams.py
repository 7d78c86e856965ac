"""Many clients, slow clients and clients that leave: what they cost, and how their streams end."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import httpx
from fastapi import FastAPI

from jobline.ledger import commands
from jobline.ledger.keys import Key
from jobline.service.events.stream import BUFFER_BYTES
from tests.support.service import RETENTION, Worker
from tests.support.streaming import (
    PLAIN,
    Api,
    Listener,
    events_of,
    history,
    progress,
    report,
    serving,
    streams,
    submit,
)
from tests.support.waiting import DEADLINE_S, until


async def test_two_hundred_subscribers_share_one_subscription(api: Api, worker: Worker) -> None:
    job_ids = [await submit(api) for _ in range(20)]
    listeners = [Listener(events_of(api, job_ids[number % 20])) for number in range(200)]
    listening = [asyncio.create_task(one.listen()) for one in listeners]
    await until(lambda: all(one.events for one in listeners))
    channel = Key.CHANNEL.of(api.resources.dispatcher.name)
    subscribers = worker.redis.pubsub_numsub(channel)
    connections = len(worker.redis.client_list())
    calls = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    await asyncio.sleep(0.3)  # a span in which a poll would show
    still = worker.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    for job in worker.run(
        commands.attempts.claim("w1", ["sums"], slots=20, lease_ms=30_000, retention=RETENTION)
    ):
        worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)

    assert subscribers == [(channel.encode(), 1)]
    assert connections <= 4  # the test's own, the subscription, the store's
    assert calls == still
    assert all(one.kinds == ["job.created", "job.started", "job.succeeded"] for one in listeners)


async def test_slow_reader_costs_a_bounded_buffer_and_delays_nobody(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    job = worker.claim()
    swift, feed = Listener(events_of(api, job_id)), Listener(f"{api.url}/v1/events?after=0")
    listening = [
        asyncio.create_task(swift.listen()),
        asyncio.create_task(feed.listen(until=lambda: feed.kinds[-1] == "job.succeeded")),
    ]
    slow = [connect(api, path) for path in (f"/v1/jobs/{job_id}/events", "/v1/events?after=0")]
    await until(lambda: len(streams(api)) == 4)
    worst = 0.0
    most = 0
    for number in range(900):
        begin = time.monotonic()
        report(worker, job, progress(number, "x" * 8000))
        if number % 10 == 0:
            await until(lambda: len(swift.events) == number + 3)  # noqa: B023 - awaited in this turn
            worst = max(worst, time.monotonic() - begin)
            most = max(most, *(len(stream._chunk) + stream._size for stream in streams(api)))
    worker.succeed(job, {"total": 2.0})
    await asyncio.wait_for(asyncio.gather(*listening), DEADLINE_S)
    late = await asyncio.gather(*(asyncio.to_thread(read_ids, one) for one in slow))

    assert worst < 1
    assert most <= 2 * BUFFER_BYTES
    assert swift.ids == feed.ids == history(worker, job_id)
    assert late == [history(worker, job_id)] * 2


def connect(api: Api, path: str) -> socket.socket:
    """Request a stream without reading it."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", api.port))
    slow.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    return slow


def read_ids(slow: socket.socket) -> list[str]:
    """Read a stream to the end of the job."""
    slow.settimeout(DEADLINE_S)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # 7 MB by 4 kB would take half a minute
    data = b""
    with slow:
        while b"event: job.succeeded\n" not in data:
            data += slow.recv(65536)
    return [line[4:].decode() for line in data.split(b"\n") if line.startswith(b"id: ")]


async def test_stop_of_the_api_ends_all_streams_within_three_seconds(
    make: Callable[[], FastAPI], worker: Worker
) -> None:
    async with serving(make) as api:
        job_id = await submit(api)
        urls = [events_of(api, job_id), f"{api.url}/v1/events?after=0"] * 20
        listeners = [Listener(url) for url in urls]
        async with httpx.AsyncClient(
            timeout=30, verify=PLAIN, limits=httpx.Limits(max_connections=None)
        ) as client:
            connected = [asyncio.create_task(one.connect(client)) for one in listeners]
            await until(lambda: all(one.events for one in listeners))
            begin = time.monotonic()
            await api.stop()
            took = time.monotonic() - begin
            over = await asyncio.wait_for(asyncio.gather(*connected), DEADLINE_S)
    assert took < 1
    assert not any(over)


async def test_client_that_leaves_is_forgotten_at_once(api: Api, worker: Worker) -> None:
    job_id = await submit(api)
    socks = [connect(api, path) for path in (f"/v1/jobs/{job_id}/events", "/v1/events")]
    await until(lambda: len(streams(api)) == 2)
    for sock in socks:
        sock.close()
    await until(lambda: not streams(api))
    assert not api.resources.dispatcher._subscribers
    assert not api.resources.feed._streams
    assert api.resources.feed._reader is None
