"""Trailers and chunk headers: bytes of a request that are neither head nor body."""

from __future__ import annotations

import json
import time

from tests.service.hostile.target import Target, post, send_until_full, status_of

CHUNKED = post("/v1/files", b"", "Transfer-Encoding: chunked", "Content-Type: text/plain")


def test_endless_trailer_is_refused_at_its_bound(target: Target) -> None:
    """Protects memory and loop from one trailer of 95 MB: it is refused after 32 kB."""
    with target.strained() as strain, target.connect() as connection:
        connection.sendall(CHUNKED + b"1\r\nx\r\n0\r\nX-Long: ")
        began = time.monotonic()
        send_until_full(connection, b"x" * 65_536, 95 << 20)
        assert status_of(connection.recv(4096)) == 431
    assert time.monotonic() - began < 5
    assert strain.grown_mb < 16, strain
    assert strain.stalled_s < 1, strain


def test_chunk_extension_without_end_is_refused_at_its_bound(target: Target) -> None:
    """Protects against the same flood in the header of a chunk."""
    with target.strained() as strain, target.connect() as connection:
        connection.sendall(CHUNKED + b"1;x=")
        send_until_full(connection, b"x" * 65_536, 40 << 20)
        assert status_of(connection.recv(4096)) in {400, 431}
    assert strain.grown_mb < 16, strain


def test_many_trailers_are_refused_at_their_bound(target: Target) -> None:
    """Protects against many small trailers; a few are allowed, and dropped."""
    few, many = b"X-A: b\r\n" * 100, b"X-A: b\r\n" * 20_000
    assert status_of(target.talk(CHUNKED + b"1\r\nx\r\n0\r\n" + few + b"\r\n")) == 201
    assert status_of(target.talk(CHUNKED + b"1\r\nx\r\n0\r\n" + many + b"\r\n")) == 431


def test_trailer_is_no_header(target: Target) -> None:
    """Protects the access check: a trailer never counts as a header, whatever segment it arrives with."""
    trailer = b'Content-Disposition: attachment; filename="trailer.txt"\r\nX-Request-ID: from-trailer\r\n'
    answer = target.talk(CHUNKED + b"1\r\nx\r\n0\r\n" + trailer + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == 201
    assert json.loads(body)["name"] == "upload"
    assert b"from-trailer" not in head


def test_trailer_of_authorization_is_not_accepted(target: Target) -> None:
    """Protects keys: Authorization in a trailer is no authorization. Two of them in one request are a 401."""
    submit = post(
        "/v1/tasks/image.thumbnail/jobs", b"", "Transfer-Encoding: chunked", "Content-Type: text/plain"
    )
    answer = target.talk(submit + b"2\r\n{}\r\n0\r\nContent-Type: application/json\r\n\r\n")
    assert status_of(answer) == 415
