"""Waiting clients: what each costs one API process, and how soon all of them are told."""

from __future__ import annotations

import asyncio
import json
import resource
import time

from benchmarks.lab import Lab, Outcome, Row, Running, Unmeasured, measure, port
from benchmarks.load import connect, read_answer, request
from benchmarks.submit import JOBLINE, OWN_BODY, OWN_PATH

CLIENTS = 10_000
IDLE_S = 5.0
SETTLE_S = 2.0
PAGE_BYTES = resource.getpagesize()
#: The field of /proc/PID/stat, after the name, that holds the resident pages.
RESIDENT = 21
AT_ONCE = 200


def run(lab: Lab) -> list[Outcome]:
    """Measure."""
    return measure(lab, [Row("Jobline, ?wait=60", lambda: asyncio.run(own(lab)))])


async def own(lab: Lab) -> dict[str, float]:
    """Let clients wait for a job that nobody does, and cancel it."""
    clients = lab.scaled(CLIENTS)
    make_room(clients)
    listening = port()
    address = f"http://127.0.0.1:{listening}"
    with lab.process((*JOBLINE, "api", "--port", str(listening))) as api:
        await asyncio.to_thread(api.wait_for_port, listening)
        reader, writer = await connect(address)
        writer.write(request(address + OWN_PATH, OWN_BODY))
        job = json.loads(await read_answer(reader))["id"]
        for _ in range(50):  # to warm up
            writer.write(request(f"{address}/v1/jobs/{job}", ""))
            await read_answer(reader)
        memory, redis_before = resident(api), connected(lab)
        used_s, began = api.cpu_s(), time.monotonic()
        waits = await open_waits(f"{address}/v1/jobs/{job}?wait=60", clients)
        await asyncio.sleep(SETTLE_S)
        connect_us = (api.cpu_s() - used_s) / clients * 1e6
        each_kb = (resident(api) - memory) / clients / 1024
        used_s, idle_from = api.cpu_s(), time.monotonic()
        await asyncio.sleep(IDLE_S)
        idle = (api.cpu_s() - used_s) / (time.monotonic() - idle_from)
        more_clients = connected(lab) - redis_before
        if time.monotonic() - began > 50:
            raise Unmeasured("the waits would have ended by themselves")
        reader, writer = await connect(address)  # the first one was idle for too long, and is closed
        told_from = time.monotonic()
        writer.write(request(f"{address}/v1/jobs/{job}/cancel", "", "").replace(b"GET", b"POST", 1))
        answers = await asyncio.gather(read_answer(reader), *(read_answer(one) for one, _ in waits))
        told_s = time.monotonic() - told_from
        if any(json.loads(answer)["state"] != "REVOKED" for answer in answers):
            raise Unmeasured("a client was not told")
        for _, one in waits:
            one.close()
        return {
            "kB each": each_kb,
            "CPU µs to connect": connect_us,
            "CPU % idle": idle * 100,
            "all told, s": told_s,
            "Redis clients": more_clients,
        }


async def open_waits(url: str, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open connections that wait."""
    waits: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    for start in range(0, count, AT_ONCE):
        opened = await asyncio.gather(*(connect(url) for _ in range(start, min(start + AT_ONCE, count))))
        for _, writer in opened:
            writer.write(request(url, ""))
        waits += opened
    return waits


def make_room(clients: int) -> None:
    """Allow that many open sockets, here and in the API started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = clients + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Unmeasured(f"the system allows {hard} open files, {needed} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))


def resident(running: Running) -> int:
    """Say how many bytes of memory a program holds."""
    return sum(int(fields[RESIDENT]) for fields in running.members().values()) * PAGE_BYTES


def connected(lab: Lab) -> int:
    """Count the clients of Redis."""
    return int(lab.redis.info("clients")["connected_clients"])
