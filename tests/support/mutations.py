"""Valid requests, changed at random; a seed makes each failure reproducible."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

Json = Any  # any JSON value
TEXTS = [
    "", " ", "\0", "\ud800", "é\u202e", "😀", "../..", "%", "%s%n", "'--", "a" * 300, "a" * 9000, "null",
    "true", "-1",
    "0", "1e400", "9" * 400, "NaN", "jl:job:x", "a:b", "*", "[", "{}", "\r\nX: y",
    "2027-01-01T00:00:00Z", "99999-01-01",
    "2027-13-41T99:99:99Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "file_" + "0" * 32,
    "SUCCESS",
]  # fmt: skip
VALUES: list[Json] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308, [], {},
    [[]], {"": {}}, [None],
    *TEXTS,
]  # fmt: skip
HEADERS = [
    "prefer", "idempotency-key", "range", "if-range", "if-none-match", "authorization", "content-type",
    "content-length",
    "content-disposition", "last-event-id", "accept", "host", "x-request-id", "origin", "sec-fetch-site",
    "expect",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X"]


@dataclass(frozen=True)
class Sent:
    """One request as it is sent."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    content: Json = None
    body: bytes | None = None
    template: str = ""
    changes: tuple[str, ...] = field(default=())

    @property
    def raw_path(self) -> bytes:
        return quote(self.path.encode("utf-8", "surrogatepass"), safe="/%{}:").encode()

    @property
    def raw_query(self) -> bytes:
        pairs = [f"{write(name)}={write(value)}" for name, value in self.query]
        return "&".join(pairs).encode()

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode("utf-8", "surrogatepass")) for name, value in self.headers]

    @property
    def raw_body(self) -> bytes:
        if self.body is not None:
            return self.body
        return b"" if self.content is None else json.dumps(self.content).encode()


def write(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def mutate(one: Sent, luck: random.Random) -> Sent:
    """Return the request with one to three changes."""
    for _ in range(luck.choice((1, 1, 1, 2, 3))):
        change = luck.choice(CHANGES)
        one = replace(change(one, luck), changes=(*one.changes, change.__name__))
    return one


def change_path(one: Sent, luck: random.Random) -> Sent:
    parts = one.path.split("/")
    parts[luck.randrange(1, len(parts))] = luck.choice(TEXTS)
    return replace(one, path="/".join(parts))


def change_query(one: Sent, luck: random.Random) -> Sent:
    names = [name for name, _ in one.query] + [
        "x",
        "limit",
        "cursor",
        "state",
        "created_after",
        "validate_only",
    ]
    name = luck.choice(names)
    return replace(
        one, query=(*(pair for pair in one.query if luck.random() < 0.5), (name, luck.choice(TEXTS)))
    )


def change_header(one: Sent, luck: random.Random) -> Sent:
    name = luck.choice(HEADERS)
    kept = one.headers if luck.random() < 0.2 else tuple(pair for pair in one.headers if pair[0] != name)
    return replace(one, headers=(*kept, (name, luck.choice(TEXTS))))


def drop_header(one: Sent, luck: random.Random) -> Sent:
    return replace(one, headers=tuple(pair for pair in one.headers if luck.random() < 0.7))


def change_method(one: Sent, luck: random.Random) -> Sent:
    return replace(one, method=luck.choice(METHODS))


def change_content(one: Sent, luck: random.Random) -> Sent:
    if one.content is None:
        return replace(one, content=luck.choice(VALUES))
    return replace(one, content=change_value(json.loads(json.dumps(one.content)), luck))


def change_value(value: Json, luck: random.Random) -> Json:
    """Replace, remove or add something anywhere within a value."""
    if isinstance(value, dict) and value and luck.random() < 0.8:
        name = luck.choice(list(value))
        match luck.randrange(4):
            case 0:
                del value[name]
            case 1:
                value[luck.choice(TEXTS)] = luck.choice(VALUES)
            case _:
                value[name] = change_value(value[name], luck)
        return value
    if isinstance(value, list) and value and luck.random() < 0.8:
        index = luck.randrange(len(value))
        match luck.randrange(3):
            case 0:
                value[index:] = value[index:] * luck.choice((2, 30, 1200))
            case _:
                value[index] = change_value(value[index], luck)
        return value
    return luck.choice(VALUES)


def change_bytes(one: Sent, luck: random.Random) -> Sent:
    body = bytearray(one.raw_body)
    start = luck.randrange(len(body) + 1)
    match luck.randrange(4):
        case 0:
            del body[start:]
        case 1:
            body[start:start] = luck.randbytes(luck.randrange(1, 9))
        case 2:
            body[start : start + 1] = luck.choice(
                [b"\0", b"\xff", b'"', b"{", b"\xed\xa0\x80", b"NaN", b"[" * 300]
            )
        case 3:
            body = body + body
    return replace(one, body=bytes(body))


CHANGES: list[Callable[[Sent, random.Random], Sent]] = [
    change_path, change_query, change_header, drop_header, change_method, change_content, change_content,
    change_content,
    change_bytes,
]  # fmt: skip
