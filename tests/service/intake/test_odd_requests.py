"""Requests that are unusual, malformed or absurd: accepted whole or refused, never a 500."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.service import ADD, DRAW, Worker

JSON = {"Content-Type": "application/json"}


async def send(client: httpx.AsyncClient, body: str | bytes, path: str = ADD) -> httpx.Response:
    return await client.post(path, content=body, headers=JSON)


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
    """RFC 8259 leaves open which field counts; what was validated must be what runs."""
    answer = await send(client, '{"input":{"a":"no"},"input":{"a":"x","a":2},"priority":99,"priority":7}')

    assert (answer.status_code, answer.json()["priority"]) == (202, 7)
    assert json.loads(worker.claim().input) == {"a": 2}


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
async def test_invalid_id_is_a_404(client: httpx.AsyncClient, id_: str) -> None:
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
            continue  # a valid wait: it would take 60 s
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
