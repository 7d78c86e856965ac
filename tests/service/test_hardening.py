"""What no well-meaning client sends: each is a documented refusal, or taken for what it is."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from jobline.service.guards.hardening import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from jobline.service.resources import Resources
from tests.support.service import ADD, DRAW, Serve, Worker

ORDER = b'{"input":{"a":1}}'
JSON = {"Content-Type": "application/json"}
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}


async def send(client: httpx.AsyncClient, body: str | bytes, path: str = ADD) -> httpx.Response:
    return await client.post(path, content=body, headers=JSON)


async def test_every_answer_has_security_headers_and_an_id(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        await client.get(path) for path in ("/docs", "/v1/jobs", "/nowhere", "/openapi.json", "/health/live")
    ]
    answers += [
        await client.put("/v1/jobs"),
        await send(client, "{"),
        await send(client, '{"input":{"a":1}}'),
    ]
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resources.store, "run", explode)
    answers.append(await client.get("/v1/jobs"))

    assert answers[-1].status_code == 500
    for answer in answers:
        assert answer.headers.items() >= SECURITY.items()
        assert "content-security-policy" in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_request_id_is_kept_where_it_is_harmless(client: httpx.AsyncClient) -> None:
    async def sent(value: bytes) -> str:
        answer = await client.get("/health/live", headers={b"X-Request-ID": value})
        return answer.headers["x-request-id"]

    assert await sent(b"order-7/a.b:c") == "order-7/a.b:c"
    for value in (b"", b"a b", b"x" * 129, b"\xff\xfe", b'"><script>', b"a,b"):
        assert len(await sent(value)) == 16


async def test_defect_is_logged_under_the_requests_id(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    resources: Resources = app.state.resources

    async def explode(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(resources.store, "run", explode)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)  # a server would log what comes out
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as server:
        with caplog.at_level(logging.ERROR):
            await server.get("/v1/jobs", headers={"X-Request-ID": "order-7"})
            await server.post(
                "/v1/tasks/demo.add/jobs", json={"input": {"a": 1}}, headers={"X-Request-ID": "order-8"}
            )
    assert [record.getMessage() for record in caplog.records] == [
        "GET /v1/jobs failed, request order-7",
        "POST /v1/tasks/demo.add/jobs failed, request order-8",
    ]


async def test_url_and_headers_have_limits(client: httpx.AsyncClient) -> None:
    long = await client.get("/v1/jobs", params={"task": "x" * MAX_TARGET_BYTES})
    large = await client.get("/v1/jobs", headers={"X-Large": "x" * MAX_HEAD_BYTES})
    many = await client.get("/v1/jobs", headers=[(f"X-{index}", "") for index in range(MAX_HEADERS)])
    near = await client.get("/v1/jobs", headers={"X-Large": "x" * (MAX_HEAD_BYTES - 1000)})

    assert (long.status_code, long.json()["code"]) == (414, "target-too-long")
    assert (large.status_code, large.json()["code"]) == (431, "headers-too-large")
    assert (many.status_code, near.status_code) == (431, 200)


class SlowBody:
    """Call the application with a body that comes as it is told to."""

    def __init__(self, app: FastAPI, path: str, **headers: str) -> None:
        self.app = app
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "scheme": "http", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1), "root_path": "",
            "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"localhost"), *((n.encode(), v.encode()) for n, v in headers.items())],
        }  # fmt: skip

    async def send(self, chunks: list[bytes], every_s: float) -> tuple[int, dict[bytes, bytes], float]:
        """Send chunk after chunk, and then nothing more; gives status, headers and seconds."""
        left, answer, began = list(chunks), [], time.monotonic()

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(every_s if left else 3600)
            return {"type": "http.request", "body": left.pop(0), "more_body": True}

        async def send(message: Any) -> None:
            answer.append(message)

        await self.app(self.scope, receive, send)
        return answer[0]["status"], dict(answer[0]["headers"]), time.monotonic() - began


@pytest.mark.parametrize("path", [ADD, "/v1/files"])
async def test_body_that_stops_coming_is_a_408_that_closes(serve: Serve, path: str) -> None:
    async with serve(body_timeout_s=0.3) as client:
        app = client._transport.app
        slow = SlowBody(app, path, **{"content-type": "application/json"})
        for chunks in ([], [b'{"input"']):
            status, headers, seconds = await slow.send(chunks, 0)
            assert (status, headers[b"connection"]) == (408, b"close")
            assert 0.2 < seconds < 2


async def test_body_that_drips_is_a_408_in_time(serve: Serve) -> None:
    async with serve(body_timeout_s=0.3) as client:
        slow = SlowBody(client._transport.app, ADD, **{"content-type": "application/json"})
        status, _, seconds = await slow.send([b" "] * 1000, 0.02)
    assert status == 408
    assert seconds < 2


async def test_large_body_may_take_its_time_while_it_comes(serve: Serve) -> None:
    async with serve(body_timeout_s=0.3) as client:

        async def pieces() -> Any:
            for _ in range(8):
                await asyncio.sleep(0.1)
                yield b"x" * 1024

        answer = await client.post("/v1/files", content=pieces())
    assert answer.status_code == 201


@pytest.mark.parametrize(("depth", "status"), [(100, 202), (150, 202), (250, 400), (100_000, 400)])
async def test_json_may_be_nested_only_so_deep(client: httpx.AsyncClient, depth: int, status: int) -> None:
    for start, end in (("[", "]"), ('{"a":', "}")):
        body = f'{{"input":{{"anything":{start * depth}1{end * depth}}}}}'
        answer = await send(client, body, DRAW)
        assert answer.status_code == status, answer.text[:300]


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "9" * 4300, "9" * 10_000, "1" + "0" * 10_000, "1e99999"]
)
async def test_number_of_any_size_is_taken_or_refused(
    client: httpx.AsyncClient, worker: Worker, number: str
) -> None:
    for field, path in (("a", ADD), ("b", ADD), ("anything", DRAW)):
        other = '"a":1,' if field == "b" else ""
        answer = await send(client, f'{{"input":{{{other}"{field}":{number}}}}}', path)
        assert answer.status_code in {202, 400, 422}, (field, answer.text[:300])
        if answer.status_code == 202:
            listed = await client.get(f"/v1/jobs/{answer.json()['id']}")
            assert listed.status_code == 200
    for option in ("priority", "delay_s", "max_attempts", "timeout_s", "expires_in_s"):
        answer = await send(client, f'{{"input":{{"a":1}},"{option}":{number}}}')
        assert answer.status_code in {400, 422}, (option, answer.text[:300])


async def test_last_of_duplicated_fields_counts_and_is_what_is_stored(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    """RFC 8259 leaves it open; so do the parsers in between, and what was validated is what runs."""
    answer = await send(client, '{"input":{"a":"no"},"input":{"a":"x","a":2},"priority":99,"priority":7}')

    assert (answer.status_code, answer.json()["priority"]) == (202, 7)
    assert json.loads(worker.claim().input) == {"a": 2, "b": 1.0, "words": []}


@pytest.mark.parametrize(
    "text",
    [
        "\\u0000",
        "\\ud800",
        "\\udc00\\ud800",
        "\\ud83d\\ude00",
        "é\u202e\ufeff",
        "\\u001b[2J",
        "'; FLUSHALL",
        "\U0010ffff",
        "\\uffff",
    ],
)
async def test_text_of_any_kind_is_kept_whole_or_refused(
    client: httpx.AsyncClient, worker: Worker, text: str
) -> None:
    answer = await send(client, f'{{"input":{{"a":1,"words":["{text}"]}}}}')
    assert answer.status_code in {202, 400, 422}
    if answer.status_code == 202:
        (stored,) = json.loads(worker.claim().input)["words"]
        assert stored == json.loads(f'"{text}"')
    for field in ("tags", "queue"):
        value = f'["{text}"]' if field == "tags" else f'"{text}"'
        assert (await send(client, f'{{"input":{{"a":1}},"{field}":{value}}}')).status_code in {202, 400, 422}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"input":{"a":1}}\x00',
        b"",
        b"null",
        b"[]",
        b'"\xed\xa0\x80"',
    ],
)
async def test_bytes_that_are_no_request_are_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await send(client, body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


IDS = [
    "x", "0", "-1", "%00", "%2e%2e%2f", "%0d%0aX:y", "%ff", "%ED%A0%80", "a:b", "*", "{}",
    "%F0%9F%98%80", "%20",
    "null", "1e400", "jl:job:x", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip


@pytest.mark.parametrize("id_", [*IDS, "x" * 255])
async def test_id_that_is_none_of_ours_is_a_404(client: httpx.AsyncClient, id_: str) -> None:
    for path in (f"/v1/jobs/{id_}", f"/v1/jobs/{id_}/result", f"/v1/jobs/{id_}/artifacts/x", f"{ADD}/{id_}"):
        answer = await client.get(path)
        assert answer.status_code == 404, (path, answer.text)
        assert answer.json()["status"] == 404
    assert (await client.post(f"/v1/jobs/{id_}/cancel")).status_code == 404
    for path in ("/v1/files/{}", "/v1/files/{}/content"):
        assert (await client.get(path.format(id_))).status_code in {404, 422}


ABSURD = [
    b"", b" ", b"\xff", b"\x00", b",,,,", b'"', b'"""', b"=;=,;", b"wait=", b"wait=-1", b"bytes=",
    b"bytes=-",
    b"bytes=9-1", b"bytes=0-0,1-1", b"W/", b'W/"', b"*", b'"a", *', b"a" * 8000, b"wait=1e9",
    b"wait=" + b"9" * 5000,
    b"bytes=" + b"9" * 500 + b"-", b"Bearer \x00", b"\xe2\x82\xac", b"application/json;" * 50,
]  # fmt: skip
HEADERS = [
    "Prefer", "Idempotency-Key", "Range", "If-Range", "If-None-Match", "Authorization", "Content-Type",
    "Host",
    "Content-Length", "Content-Disposition", "Last-Event-ID", "Accept", "Cookie", "Expect", "X-Request-ID",
    "Sec-Fetch-Site", "Origin",
]  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
async def test_absurd_header_is_ignored_or_refused(client: httpx.AsyncClient, name: str) -> None:
    file = (await client.post("/v1/files", content=b"0123456789")).json()["id"]
    for value in ABSURD:
        if name == "Prefer" and value.startswith(b"wait=") and value[5:6].isdigit():
            continue  # a wait that is meant, if absurd: it would be one of 60 s
        header = {name.encode(): value}
        answers = [
            await client.post(
                ADD, content=b'{"input":{"a":1}}', headers={b"Content-Type": b"application/json", **header}
            ),
            await client.get(f"/v1/files/{file}/content", headers=header),
            await client.post("/v1/files", content=b"x", headers=header),
            await client.get("/v1/jobs/none", headers=header),
        ]
        for answer in answers:
            assert answer.status_code < 500, (name, value[:50], answer.text)
            assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
