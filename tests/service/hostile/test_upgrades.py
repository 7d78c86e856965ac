"""Offers of other protocols: ignored, and the request is answered as if there were none."""

from __future__ import annotations

import json

import pytest

from tests.service.hostile.target import Target, post, status_of

H2C = (
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
)
WEBSOCKET = (
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip
ORDER = b'{"input": {"seconds": 1}}'


def upgrading(path: str, body: bytes, *headers: str) -> bytes:
    return post(path, body, *headers).replace(b"Connection: close\r\n", b"")


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET, ("Connection: close, upgrade", "Upgrade: x/1")])
@pytest.mark.parametrize("pause", [False, True])
def test_body_of_a_request_that_offers_an_upgrade_is_read(
    target: Target,
    offer: tuple[str, ...],
    pause: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Protects bodies: JDK's HttpClient offers h2c with its first request, and the upload became empty."""
    for body in (b"0123456789", b"x" * 300_000):
        request = upgrading("/v1/files", body, "Content-Type: text/plain", *offer)
        cut = len(request) - len(body) + 3 if pause else len(request)
        with target.connect() as connection:
            connection.sendall(request[:cut])
            connection.sendall(request[cut:])
            answer = connection.recv(65_536)
        assert status_of(answer) == 201
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["size_bytes"] == len(body)


def test_chunked_body_behind_an_offer_is_read(target: Target) -> None:
    """Protects submits in the same way, chunked, and the request that follows on the connection."""
    path = "/v1/tasks/demo.countdown/jobs"
    request = upgrading(path, b"", "Transfer-Encoding: chunked", "Content-Type: application/json", *H2C)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ORDER), ORDER)
    next_ = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = target.talk(request + chunked + next_)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"202", b"200"]


def test_connect_is_refused(target: Target) -> None:
    """Protects against use as a proxy."""
    answer = target.talk(b"CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n")
    assert status_of(answer) == 400
