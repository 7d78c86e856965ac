"""Clients that send or read so slowly that they would keep a connection for ever; all of them at once."""

from __future__ import annotations

import asyncio
import sys
import time

from jobline.service.server.protocol import RECEIVE_S
from tests.service.hostile.target import HOST, LIVE, Target, post

#: How much later than its bound a connection may end, on a busy machine.
SLACK_S = 5.0
REFUSED = post("/v1/tasks/none/jobs", b"", "Content-Length: 100000").replace(b"Connection: close\r\n", b"")
TOO_LARGE = post("/v1/files", b"", "Content-Length: 99999999999")
DRIPS = {
    "nothing": (b"", b""),
    "head": (b"GET / HTTP/1.1\r\nX-Slow: ", b"x"),
    "many heads": (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
    "blank lines first": (b"", b"\r\n"),
    "blank lines after an answer": (LIVE, b"\r\n"),
    "head after an answer": (LIVE + b"GET /", b"x"),
    "body before the answer": (post("/v1/files", b"", "Content-Length: 9999"), b"x"),
    "trailer before the answer": (post("/v1/files", b"", "Transfer-Encoding: chunked") + b"0\r\nX: ", b"x"),
    "chunk header": (post("/v1/files", b"", "Transfer-Encoding: chunked") + b"1;x=", b"x"),
    "body after the answer": (REFUSED, b"x"),
    "trailer after the answer": (
        REFUSED.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked") + b"0\r\nX: ", b"x",
    ),
    "body after the last answer": (TOO_LARGE, b"x"),
    "body of a GET": (LIVE.replace(b"\r\n\r\n", b"\r\nContent-Length: 9999\r\n\r\n"), b"x"),
}  # fmt: skip


async def drip(port: int, first: bytes, more: bytes) -> float:
    """Send the first bytes, then one piece every half second; return after how long the server closes."""
    reader, writer = await asyncio.open_connection(HOST, port)
    began = time.monotonic()
    writer.write(first)
    reading = asyncio.create_task(reader.read())
    try:
        while not reading.done():
            if more:
                writer.write(more)
            await asyncio.wait([reading], timeout=0.5)
        return time.monotonic() - began
    finally:
        writer.close()


async def test_no_drip_keeps_a_connection(target: Target) -> None:
    """Protects connections: whatever is sent slowly, before or after the answer, ends at its bound."""
    drips = {name: asyncio.create_task(drip(target.port, *parts)) for name, parts in DRIPS.items()}
    await asyncio.wait(drips.values(), timeout=2 * RECEIVE_S + SLACK_S)
    late = {name for name, task in drips.items() if not task.done()}
    for task in drips.values():
        task.cancel()
    assert late == set()
    took = {name: round(task.result() if task.exception() is None else 0, 1) for name, task in drips.items()}
    sys.stdout.write(f"{took}\n")  # for the table in docs/access.md: pytest -s
    assert max(took.values()) < 2 * RECEIVE_S + SLACK_S
