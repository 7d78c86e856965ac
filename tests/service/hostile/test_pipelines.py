"""Clients that send requests without reading the answers."""

from __future__ import annotations

import json

from tests.service.hostile.target import LIVE, Target, post, send_until_full

SHORT = b"GET / HTTP/1.1\r\nHost:x\r\n\r\n"
TOTAL = 46 << 20


def test_one_client_that_never_reads_takes_little_memory(target: Target) -> None:
    """Protects against the cheapest attack of all: one connection, no key, no answer read."""
    for request in (LIVE, SHORT):
        with target.strained() as strain, target.connect() as connection:
            send_until_full(connection, request * 1000, TOTAL)
        assert strain.grown_mb < 32, strain
        assert strain.stalled_s < 1, strain


def test_requests_with_bodies_behind_one_another_take_little_memory(target: Target) -> None:
    """Protects against the same attack by requests that ask for their body, which resumes reading."""
    request = post("/v1/files", b"x").replace(b"Connection: close\r\n", b"")
    with target.strained() as strain, target.connect() as connection:
        send_until_full(connection, request * 500, 4 << 20)
    assert strain.grown_mb < 32, strain


def test_many_clients_that_never_read_take_bounded_memory_together(target: Target) -> None:
    """Protects the process from many connections, each of which stays within its own bound."""
    burst, connections = SHORT * 10_000, [target.connect() for _ in range(40)]
    try:
        with target.strained() as strain:
            for connection in connections:
                send_until_full(connection, burst, 1 << 20, within_s=1, patience_s=0.01)
    finally:
        for connection in connections:
            connection.close()
    assert strain.grown_mb < 100, strain


def test_requests_behind_one_another_are_answered_in_order(target: Target) -> None:
    """Protects honest pipelining: every request of a large burst gets its own answer, bodies included."""
    count = 700
    body = b'{"input": {"image": 1}}'
    wrong = post("/v1/tasks/image.thumbnail/jobs", body, "Content-Type: application/json")
    burst = (LIVE + wrong.replace(b"Connection: close\r\n", b"")) * count
    last = b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = target.talk(burst, last)
    statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 422] * count + [404]


def test_garbage_behind_a_request_does_not_take_its_answer(target: Target) -> None:
    """Protects the first request: its answer comes first, then the problem of what followed."""
    answer = target.talk(LIVE + b"\x00garbage\r\n\r\n")
    first, second = answer.split(b"HTTP/1.1 ")[1:]
    assert (first[:3], second[:3]) == (b"200", b"400")
    head, _, body = second.partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == "malformed-request"
    assert b"\r\nx-request-id: " in head
