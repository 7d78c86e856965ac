from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jobline.service.server.coalescing import CoalescingTransport


class Inner:
    """A transport that records its writes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False
        self.waiting = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
async def transport(inner: Any) -> CoalescingTransport:
    return CoalescingTransport(inner, asyncio.get_running_loop())


async def test_writes_of_one_turn_leave_together(transport: CoalescingTransport, inner: Inner) -> None:
    transport.write(b"head ")
    transport.write(b"body")
    assert inner.written == []
    await asyncio.sleep(0)
    assert inner.written == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert inner.written == [b"head body", b"next"]


async def test_lines_go_into_the_next_head_alone(transport: CoalescingTransport, inner: Inner) -> None:
    transport.add_lines(b"b: 2\r\nc: 3\r\n")
    transport.write(b"HTTP/1.1 200 OK\r\na: 1\r\n\r\n")
    transport.write(b"body")
    transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await asyncio.sleep(0)
    assert inner.written == [
        b"HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\nbodyHTTP/1.1 204 No Content\r\n\r\n"
    ]


async def test_close_comes_after_what_was_written(transport: CoalescingTransport, inner: Inner) -> None:
    transport.write(b"last")
    transport.close()
    assert (inner.written, inner.is_closed) == ([b"last"], True)
    await asyncio.sleep(0)
    assert inner.written == [b"last"]


async def test_nothing_is_written_to_a_closed_connection(
    transport: CoalescingTransport, inner: Inner
) -> None:
    transport.write(b"late")
    inner.is_closed = True
    await asyncio.sleep(0)
    assert inner.written == []


async def test_chunk_is_written_at_once(transport: CoalescingTransport, inner: Inner) -> None:
    transport.write_chunk(b"seventeen letters")
    assert inner.written == [b"11\r\nseventeen letters\r\n"]


async def test_chunk_is_skipped_if_others_wait_or_the_connection_is_closed(
    transport: CoalescingTransport, inner: Inner
) -> None:
    transport.write(b"head")
    transport.write_chunk(b":")
    await asyncio.sleep(0)
    inner.waiting = 1
    transport.write_chunk(b":")
    inner.waiting, inner.is_closed = 0, True
    transport.write_chunk(b":")
    assert inner.written == [b"head"]


async def test_everything_else_is_passed_to_the_connection(transport: CoalescingTransport) -> None:
    assert transport.get_extra_info("peername") == "the peername"
