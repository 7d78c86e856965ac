"""Load on one URL: wrk where it is installed, else a client of our own on asyncio."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.lab import Unmeasured

CONNECTIONS = 64
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[%s]]
%s
function done(summary, latency, requests)
  local shape = '{"requests": %%d, "duration_us": %%d, "refused": %%d, "broken": %%d, ' ..
    '"p50_us": %%d, "p99_us": %%d}'
  io.write(string.format(shape,
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


#: A connection rests between an answer and its next request, each time another while, so that they mix.
PAUSE = "function delay() return math.random(%d, %d) end"


@dataclass(frozen=True)
class Load:
    """Hold what a load came to."""

    per_s: float
    p50_ms: float
    p99_ms: float
    requests: int


def generator() -> str:
    """Name the load generator of this machine."""
    return "wrk" if shutil.which("wrk") else "an asyncio client of our own"


def post(urls: Sequence[str], body: str, seconds: float, per_s: float | None = None) -> Load:
    """Post to each URL from its share of 64 connections, as fast as they can or so many requests a second.

    Raises Unmeasured when anything is refused.
    """
    each = CONNECTIONS // len(urls)
    rest_ms = CONNECTIONS / per_s * 1000 if per_s else 0.0
    if not shutil.which("wrk"):
        return asyncio.run(post_ourselves(urls, body, seconds, each, rest_ms / 1000))
    pause = PAUSE % (rest_ms / 2, rest_ms * 3 / 2) if rest_ms else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % (body, pause))
        script.flush()
        parts = [
            subprocess.Popen(
                ["wrk", "-t1", f"-c{each}", f"-d{max(1, round(seconds))}s", "-s", script.name, url],  # noqa: S607 - as found
                stdout=subprocess.PIPE,
                text=True,
            )
            for url in urls
        ]
        outputs = [part.communicate()[0] for part in parts]
    told = [json.loads(output[output.rindex("{") :]) for output in outputs]
    refused, broken = sum(one["refused"] for one in told), sum(one["broken"] for one in told)
    requests = sum(one["requests"] for one in told)
    if not requests:
        raise Unmeasured(f"not one request was answered within {seconds:g} s")
    if refused + broken > requests * 0.001:
        raise Unmeasured(f"of {requests} requests {refused} were refused and {broken} broke")
    return Load(
        per_s=sum(one["requests"] / one["duration_us"] * 1e6 for one in told),
        p50_ms=max(one["p50_us"] for one in told) / 1000,
        p99_ms=max(one["p99_us"] for one in told) / 1000,
        requests=requests,
    )


async def post_ourselves(urls: Sequence[str], body: str, seconds: float, each: int, rest_s: float) -> Load:
    """Do what wrk does, slower."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def client(url: str) -> None:
        reader, writer = await connect(url)
        message = request(url, body)
        while (began := time.perf_counter()) < end:
            writer.write(message)
            await read_answer(reader)
            taken.append(time.perf_counter() - began)
            if rest_s:
                await asyncio.sleep(rest_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        writer.close()

    await asyncio.gather(*(client(url) for url in urls for _ in range(each)))
    taken.sort()
    return Load(len(taken) / seconds, percentile(taken, 50) * 1000, percentile(taken, 99) * 1000, len(taken))


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to a URL's host."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


def request(url: str, body: str, headers: str = "") -> bytes:
    """Write a POST, or a GET where there is no body."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    verb = "POST" if body else "GET"
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{verb} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{more}{headers}\r\n{body}".encode()


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    """Read one answer with a Content-Length; raises Unmeasured for a refusal."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if status >= 400:
        raise Unmeasured(f"status {status}: {body[:200]!r}")
    return body


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Give a percentile of an ordered list."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
