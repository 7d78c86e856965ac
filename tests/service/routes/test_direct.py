from __future__ import annotations

from collections.abc import Iterable

import pytest
from starlette.types import Message, Receive, Scope, Send

from jobline.service.answers.json_answer import send_json
from jobline.service.routes.direct import DirectRoute, Shortcut


class Direct(DirectRoute):
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(send, 202, b"{}", (b"location", b"/there"))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "the application"})


def endpoint() -> None:
    """Serve the OpenAPI document alone."""


def receiving(messages: Iterable[Message]) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        return next(left)

    return receive


async def call(scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await Shortcut(application, [Direct("/direct", endpoint), "no route"])(scope, receiving(()), send)
    return sent


async def test_post_of_a_direct_route_does_not_reach_the_application() -> None:
    start, body = await call({"type": "http", "method": "POST", "path": "/direct"})
    assert (start["status"], body["body"]) == (202, b"{}")
    assert (b"location", b"/there") in start["headers"]
    assert (b"content-length", b"2") in start["headers"]


@pytest.mark.parametrize(
    "scope",
    [
        {"type": "http", "method": "GET", "path": "/direct"},
        {"type": "http", "method": "POST", "path": "/direct/"},
        {"type": "http", "method": "POST", "path": "/"},
        {"type": "lifespan"},
    ],
)
async def test_everything_else_is_the_applications(scope: Scope) -> None:
    assert await call(scope) == [{"type": "the application"}]
