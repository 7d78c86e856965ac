"""Clients that close early, write all before they read, or open more connections than descriptors allow."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.service.hostile.target import LIVE, Target, post, read_all, status_of
from tests.support.deployment import Deployment
from tests.support.processes import JOBLINE
from tests.support.waiting import wait_until


def test_half_closed_client_gets_its_answers(target: Target) -> None:
    """Protects clients that end their side after the request, as `nc -N` does (RFC 9112, section 9.6)."""
    assert status_of(target.talk(LIVE, half_close=True)) == 200
    answer = target.talk(LIVE * 3 + post("/v1/files", b"abc"), half_close=True)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200"] * 3 + [b"201"]


def test_half_closed_client_that_waits_gets_its_job(target: Target) -> None:
    """Protects the same for an answer that comes later."""
    order = b'{"input": {"seconds": 1}}'
    submit = post("/v1/tasks/demo.countdown/jobs", order, "Content-Type: application/json", "Prefer: wait=1")
    assert status_of(target.talk(submit, half_close=True)) == 202


def test_half_of_a_request_is_never_a_request(target: Target) -> None:
    """Protects uploads: a body that ends early is stored by nobody."""
    assert target.talk(post("/v1/files", b"abc", "Content-Length: 10"), half_close=True) == b""


@pytest.mark.parametrize("path", ["/v1/tasks/demo.countdown/jobs", "/v1/batches"])
def test_refusal_reaches_a_client_that_writes_all_before_it_reads(target: Target, path: str) -> None:
    """Protects the 413: closing while 40 MB arrive would reset the connection before urllib reads it."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        target.url(path), b"x" * 40_000_000, {"Content-Type": "application/json"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310 - as above
    assert caught.value.code == 413
    caught.value.close()


def test_client_that_reads_nothing_of_a_refusal_is_let_go(target: Target) -> None:
    """Protects memory while the rest of a refused body is thrown away."""
    with target.strained() as strain, target.connect() as connection:
        connection.sendall(post("/v1/files", b"", "Content-Length: 99999999999"))
        for _ in range(100):
            connection.sendall(b"x" * 1_000_000)
    assert strain.grown_mb < 16, strain


def test_event_stream_to_an_http_1_0_client_is_not_chunked(target: Target) -> None:
    """Protects clients behind nginx, which speaks HTTP/1.0 by default and knows no chunks."""
    with target.connect() as connection:
        connection.sendall(b"GET /v1/events?after=0 HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b": jobline" not in answer:
            answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert b"\r\nconnection: close" in head.lower()
    assert body.startswith(b": jobline\nretry: ")


def test_other_answers_to_an_http_1_0_client_keep_their_length(target: Target) -> None:
    """Protects the other answers of HTTP/1.0 clients."""
    answer = target.talk(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert answer.endswith(b'{"status":"live"}')
    assert b"content-length: 17\r\n" in answer


@pytest.fixture(scope="module")
def small(attacked: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Start a process with 1,024 file descriptors, a common limit."""
    made = Deployment(tmp_path_factory.mktemp("small"), JOBLINE_REDIS_URL=attacked.redis.url)
    command = ["/bin/sh", "-c", 'ulimit -n 1024; exec "$0" "$@"', *JOBLINE, "api", "--port", str(made.port)]
    api = made.start("api", command)
    found = Target(made, api)
    try:
        wait_until(lambda: is_listening(made.port), 30, "the API listens")
        yield found
    finally:
        made.close()


def test_connections_beyond_the_descriptors_are_503_at_once(small: Target) -> None:
    """Protects the clients that are in: 2,000 uploads at once fail for none of them."""
    uploads = [socket.create_connection(("127.0.0.1", small.port), 10) for _ in range(2000)]
    began = time.monotonic()
    for upload in uploads:
        with suppress(ConnectionError):
            upload.sendall(post("/v1/files", b"x" * 1000, "Content-Type: text/plain"))
    statuses = [status_of(read_all(upload)) for upload in uploads]
    for upload in uploads:
        upload.close()
    assert time.monotonic() - began < 20
    assert statuses.count(201) >= 300
    assert set(statuses) <= {201, 503, 0}
    assert statuses.count(503) > 0
    assert small.probe() < 5
    kept = [path for path in Path(small.deployment.directory, "data", "files").iterdir() if path.is_file()]
    assert len(kept) == statuses.count(201)


def test_refusal_says_what_to_do(small: Target) -> None:
    """Protects clients: the 503 is a problem with Retry-After."""
    idle = [socket.create_connection(("127.0.0.1", small.port), 10) for _ in range(460)]
    with small.connect() as connection:
        answer = read_all(connection)
    for one in idle:
        one.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == 503
    assert b"\r\nretry-after: " in head
    assert json.loads(body)["code"] == "too-many-connections"


def is_listening(port: int) -> bool:
    """Return whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
