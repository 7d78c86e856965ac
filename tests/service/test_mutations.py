"""Ten thousand mutated requests: each gets a documented response, and none a 5xx."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI

from tests.support.mutations import Json, Sent, mutate
from tests.support.tenants import TwoTenants, fill

COUNT = 10_000
AT_ONCE = 40
SEED = 20_260
#: Responses to paths and methods that the document does not have, from the router or the guards.
ELSEWHERE = {200, 307, 401, 403, 404, 405, 414, 431}
JSON = ("content-type", "application/json")
ORDER = {
    "input": {"a": 1, "b": 2.5, "words": ["x", "y"]},
    "delay_s": 60, "priority": 3, "queue": "sums", "max_attempts": 2, "timeout_s": 9, "expires_in_s": 90,
    "tags": ["t"],
}  # fmt: skip
#: Valid bodies, by the end of the path.
BODIES: dict[str, Json] = {
    "/v1/tasks/demo.add/jobs": ORDER,
    "/v1/tasks/demo.draw/jobs": {
        "input": {"shapes": [{"radius": 1}, {"side": 2}], "anything": {"x": [1, "y"]}}
    },
    "/v1/tasks/photo.look/jobs": {"input": {"file": "file_" + "0" * 32}},
    "/v1/batches": {
        "jobs": [{"task": "demo.add", **ORDER}, {"task": "demo.add", "input": {"a": 2}}],
        "tags": ["t"],
    },
    "/v1/jobs/cancel": {"state": "PENDING", "tag": "none"},
    "/v1/jobs/retry": {"state": "FAILURE", "tag": "none"},
}
VALUES = {
    "limit": "5",
    "state": "SUCCESS",
    "task": "demo.add",
    "queue": "sums",
    "tag": "t",
    "cursor": "",
    "wait": "0",
}


def valid_requests(tenants: TwoTenants) -> list[Sent]:
    """Return a valid request for every operation of the document and each existing ID."""
    token = ("authorization", tenants.owner["Authorization"])
    found = []
    for template, item in tenants.app.openapi()["paths"].items():
        for method, operation in item.items():
            for one in ids_for(tenants, template):
                path = fill(template, one)
                query = tuple(
                    (part["name"], VALUES.get(part["name"], "2027-01-01T00:00:00Z"))
                    for part in operation.get("parameters", [])
                    if part["in"] == "query"
                )
                content = BODIES.get(template)
                body = b"some bytes" if template in {"/v1/files", "/v1/files/raw"} else None
                headers = (("host", "localhost"), token, *([JSON] if content is not None else []))
                found.append(Sent(method.upper(), path, query, headers, content, body, template))
    return found


def ids_for(tenants: TwoTenants, template: str) -> list[str]:
    if "{id}" not in template:
        return [""]
    kind = "batch" if "/batches/" in template else "file" if "/v1/files/" in template else "job"
    return tenants.ids.get(kind, ["x"])


class Document:
    """Return the statuses that the document declares for a request."""

    def __init__(self, app: FastAPI) -> None:
        self._paths = [
            (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))), item, template.count("{"))
            for template, item in app.openapi()["paths"].items()
        ]
        self._paths.sort(key=lambda entry: entry[2])

    def allows(self, one: Sent, status: int) -> bool:
        path = unquote(one.raw_path.decode())
        method = "get" if one.method == "HEAD" else one.method.lower()
        found = [
            item[method] for pattern, item, _ in self._paths if pattern.fullmatch(path) and method in item
        ]
        if status == 400 and [name for name, _ in one.headers].count("host") != 1:
            return True  # refused ahead of every route
        if one.method in {"HEAD", one.method.lower()} and status in ELSEWHERE:
            return True
        if not found:
            return status in ELSEWHERE
        return any(str(status) in operation["responses"] for operation in found)


async def send(app: FastAPI, one: Sent) -> int:
    """Call the application as a server does, and return the status."""
    body = one.raw_body
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": one.method,
        "scheme": "http",
        "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1), "root_path": "",
        "headers": one.raw_headers,
        "path": unquote(one.raw_path.decode()), "raw_path": one.raw_path, "query_string": one.raw_query,
    }  # fmt: skip
    statuses: list[int] = []
    begun = asyncio.Event()
    halves = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        if halves:
            return {"type": "http.request", "body": halves.pop(0), "more_body": bool(halves)}
        await begun.wait()  # the client of a stream disconnects once the stream has begun
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def hear(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
            begun.set()

    async with asyncio.timeout(20):
        await app(scope, receive, hear)
    return statuses[0]


async def check(app: FastAPI, document: Document, requests: Iterable[Sent]) -> Counter[int]:
    """Send all requests; fail with a list of those that got an undocumented response."""
    wrong: list[str] = []
    seen: Counter[int] = Counter()
    waiting = iter(requests)

    async def work() -> None:
        for one in waiting:
            status = await send(app, one)
            seen[status] += 1
            is_defect = status >= 500 and not (status == 503 and one.path == "/health/ready")  # no worker
            if is_defect or not document.allows(one, status):
                wrong.append(f"{status} {one}"[:600])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    assert wrong == [], "\n".join(wrong[:10])
    return seen


async def test_unchanged_requests_are_documented_too(tenants: TwoTenants) -> None:
    await check(tenants.app, Document(tenants.app), valid_requests(tenants))


@pytest.mark.slow
async def test_ten_thousand_changed_requests_get_documented_answers(tenants: TwoTenants) -> None:
    luck, valid = random.Random(SEED), valid_requests(tenants)  # noqa: S311 - luck, no secret
    seen = await check(
        tenants.app, Document(tenants.app), (mutate(luck.choice(valid), luck) for _ in range(COUNT))
    )
    assert sum(seen.values()) == COUNT
    assert {200, 202, 400, 401, 404, 405, 415, 422} <= set(seen)
