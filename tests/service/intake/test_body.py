from __future__ import annotations

from collections.abc import Iterable

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from jobline.domain.errors import TooLarge
from jobline.service.intake.body import read_body


def receiving(messages: Iterable[Message]) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


async def test_body_is_read_to_its_end() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"two"},
    ]
    assert await read_body(receiving(parts), 7, None) == b"one two"


@pytest.mark.parametrize("declared", ["8", "9" * 5000])
async def test_body_declared_above_the_limit_is_not_read(declared: str) -> None:
    with pytest.raises(TooLarge):
        await read_body(receiving(()), 7, declared)


async def test_body_above_the_limit_is_not_buffered() -> None:
    with pytest.raises(TooLarge):
        await read_body(receiving([{"type": "http.request", "body": b"12345678", "more_body": True}]), 7, "3")


async def test_client_that_leaves_ends_the_reading() -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": b"one", "more_body": True},
        {"type": "http.disconnect"},
    ]
    with pytest.raises(ClientDisconnect):
        await read_body(receiving(parts), 7, None)
