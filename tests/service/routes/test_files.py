from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobline.files import FileStore, artifact_id
from jobline.ledger.commands.attempts import PublishedArtifact
from tests.support.service import Serve, Worker

LOOK = "/v1/tasks/photo.look/jobs"
BYTES = bytes(range(256)) * 4000


async def upload(client: httpx.AsyncClient, data: bytes = b"abc", kind: str = "image/png") -> dict[str, Any]:
    headers = {"content-type": kind, "content-disposition": 'attachment; filename="a.png"'}
    answer = await client.post("/v1/files", content=data, headers=headers)
    assert answer.status_code == 201, answer.text
    file: dict[str, Any] = answer.json()
    return file


def stored_bytes(directory: Path) -> list[Path]:
    return [path for path in (directory / "files").glob("*") if path.is_file()]


async def test_raw_upload_comes_back_whole(client: httpx.AsyncClient) -> None:
    file = await upload(client, BYTES)
    content = await client.get(f"/v1/files/{file['id']}/content")

    assert (file["name"], file["media_type"], file["size_bytes"]) == ("a.png", "image/png", len(BYTES))
    assert file["sha256"] == hashlib.sha256(BYTES).hexdigest()
    assert content.content == BYTES
    assert content.headers["content-type"] == "image/png"
    assert content.headers["etag"] == f'"{file["sha256"]}"'
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-disposition"].startswith("attachment;")
    assert (await client.get(f"/v1/files/{file['id']}")).json() == file


async def test_form_upload_comes_back_whole(client: httpx.AsyncClient) -> None:
    fields = {"note": "not a file"}
    answer = await client.post("/v1/files", data=fields, files={"file": ("é.bin", BYTES, "x/y")})
    file = answer.json()

    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/files/{file['id']}")
    assert (file["name"], file["media_type"]) == ("é.bin", "x/y")
    assert (await client.get(f"/v1/files/{file['id']}/content")).content == BYTES


@pytest.mark.parametrize(
    ("query", "disposition", "stored"),
    [
        ("?name=n%C3%A9%20w.bin", 'attachment; filename="old.bin"', "né w.bin"),
        ("", 'attachment; filename="old.bin"', "old.bin"),
        ("", "", "upload"),
    ],
)
async def test_raw_bytes_have_an_operation_of_their_own(
    client: httpx.AsyncClient, query: str, disposition: str, stored: str
) -> None:
    """Generated clients send one kind of body for an operation, so each kind has its own operation."""
    headers = {"content-type": "image/png", "content-disposition": disposition}
    answer = await client.post(f"/v1/files/raw{query}", content=BYTES, headers=headers)
    file = answer.json()

    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/files/{file['id']}")
    assert (file["name"], file["media_type"]) == (stored, "image/png")
    assert (await client.get(f"/v1/files/{file['id']}/content")).content == BYTES


async def test_raw_bytes_may_be_those_of_a_form(client: httpx.AsyncClient) -> None:
    """The raw upload stores what it is sent, byte for byte, and parses nothing."""
    form = {"content-type": "multipart/form-data; boundary=x"}
    file = (await client.post("/v1/files/raw", content=b"--x--", headers=form)).json()
    assert (await client.get(f"/v1/files/{file['id']}/content")).content == b"--x--"


@pytest.mark.parametrize("name", ["a%2Fb", "a%00", "a%C2%85", "..", "x" * 201])
async def test_raw_upload_under_a_bad_name_is_422(
    client: httpx.AsyncClient, tmp_path: Path, name: str
) -> None:
    answer = await client.post(f"/v1/files/raw?name={name}", content=b"1")
    assert answer.status_code == 422, answer.text
    assert stored_bytes(tmp_path) == []


async def test_empty_file_is_a_file(client: httpx.AsyncClient) -> None:
    file = await upload(client, b"")
    content = await client.get(f"/v1/files/{file['id']}/content")
    assert (content.status_code, content.content) == (200, b"")


async def test_extended_name_goes_before_the_plain_one(client: httpx.AsyncClient) -> None:
    disposition = "attachment; filename=\"a.txt\"; filename*=UTF-8''%e2%82%ac.txt"
    answer = await client.post("/v1/files", content=b"x", headers={"content-disposition": disposition})
    assert (answer.json()["name"], answer.json()["media_type"]) == ("€.txt", "application/octet-stream")


@pytest.mark.parametrize(
    "request_",
    [
        {"files": [("a", ("a", b"1")), ("b", ("b", b"2"))]},
        {"content": b"--x--", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"garbage", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--x\r\n\r\n1\r\n--x--", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"files": {"file": ("../../etc/passwd", b"1")}},
        {"content": b"1", "headers": {"content-disposition": 'attachment; filename="a/b"'}},
    ],
)
async def test_upload_that_is_no_single_file_is_422(
    client: httpx.AsyncClient, tmp_path: Path, request_: dict[str, Any]
) -> None:
    answer = await client.post("/v1/files", **request_)
    assert answer.status_code == 422, answer.text
    assert stored_bytes(tmp_path) == []


async def test_upload_over_the_limit_is_413_and_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    async with serve(max_file_bytes=5000) as client:
        declared = await client.post("/v1/files", content=b"x" * 100_000)
        streamed = await client.post("/v1/files", content=chunks())
        form = await client.post("/v1/files", files={"file": ("a", b"x" * 6000)})
        raw = await client.post("/v1/files/raw", content=b"x" * 6000)

    assert [answer.status_code for answer in (declared, streamed, form, raw)] == [413] * 4
    assert stored_bytes(tmp_path) == []


@pytest.mark.parametrize(
    ("wanted", "status", "content", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_range(
    client: httpx.AsyncClient, wanted: str, status: int, content: bytes | None, told: str | None
) -> None:
    file = await upload(client, b"0123456789")
    answer = await client.get(f"/v1/files/{file['id']}/content", headers={"range": wanted})

    assert answer.status_code == status
    assert answer.headers.get("content-range") == told
    assert content is None or (answer.content, answer.headers["content-length"]) == (
        content,
        str(len(content)),
    )


async def test_range_of_another_version_is_the_whole(client: httpx.AsyncClient) -> None:
    path = f"/v1/files/{(await upload(client, b'0123456789'))['id']}/content"
    etag = (await client.get(path)).headers["etag"]
    same = await client.get(path, headers={"range": "bytes=0-1", "if-range": etag})
    other = await client.get(path, headers={"range": "bytes=0-1", "if-range": '"other"'})
    known = await client.get(path, headers={"if-none-match": etag})

    assert (same.status_code, other.status_code, known.status_code) == (206, 200, 304)


async def test_head_shows_the_length_without_the_bytes(client: httpx.AsyncClient) -> None:
    file = await upload(client, BYTES)
    content = await client.head(f"/v1/files/{file['id']}/content")
    description = await client.head(f"/v1/files/{file['id']}")

    assert (content.status_code, content.headers["content-length"]) == (200, str(len(BYTES)))
    assert (content.content, description.status_code) == (b"", 200)


async def test_deleted_file_is_410_and_unknown_404(client: httpx.AsyncClient) -> None:
    path = f"/v1/files/{(await upload(client))['id']}"
    assert (await client.delete(path)).status_code == 204
    assert [(await client.get(path + rest)).status_code for rest in ("", "/content")] == [410, 410]
    assert (await client.get("/v1/files/file_none")).status_code == 404


async def test_file_that_a_waiting_job_names_stays(client: httpx.AsyncClient, worker: Worker) -> None:
    file = await upload(client)
    job = await client.post(LOOK, json={"input": {"file": file["id"]}})
    kept = await client.delete(f"/v1/files/{file['id']}")
    await client.post(f"/v1/jobs/{job.json()['id']}/cancel")
    dropped = await client.delete(f"/v1/files/{file['id']}")

    assert (job.status_code, kept.status_code, dropped.status_code) == (202, 409, 204)


async def test_input_file_is_checked_against_its_rule(client: httpx.AsyncClient) -> None:
    large, text, gone = (
        await upload(client, b"x" * 1001),
        await upload(client, kind="text/plain"),
        await upload(client),
    )
    await client.delete(f"/v1/files/{gone['id']}")
    ids = [large["id"], text["id"], gone["id"], "file_" + "0" * 32, "nonsense"]
    answers = [await client.post(LOOK, json={"input": {"file": file_id}}) for file_id in ids]

    assert [answer.status_code for answer in answers] == [413, 415, 410, 404, 422]


async def test_artifacts_of_a_job(client: httpx.AsyncClient, worker: Worker, tmp_path: Path) -> None:
    job = (await client.post("/v1/tasks/demo.add/jobs", json={"input": {"a": 1}})).json()
    none = await client.get(f"/v1/jobs/{job['id']}/artifacts")
    (tmp_path / "out").write_bytes(b"0123456789")
    stored = FileStore(tmp_path).publish(artifact_id(job["id"], 'größe "1".txt'), tmp_path / "out")
    made = PublishedArtifact(stored.id, 'größe "1".txt', "text/html", stored.size_bytes, stored.sha256)
    worker.succeed(worker.claim(), {"total": 1.0}, artifacts=[made])
    listed = (await client.get(f"/v1/jobs/{job['id']}/artifacts")).json()["items"]
    path = f"/v1/jobs/{job['id']}/artifacts/größe%20%221%22.txt"
    whole = await client.get(path)
    part = await client.get(path, headers={"range": "bytes=0-0"})

    assert none.json() == {"items": []}
    assert [(file["id"], file["name"], file["job_id"]) for file in listed] == [
        (made.id, made.name, job["id"])
    ]
    assert (whole.content, whole.headers["etag"]) == (b"0123456789", f'"{made.sha256}"')
    assert (part.status_code, part.content) == (206, b"0")
    assert (await client.head(path)).headers["content-length"] == "10"
    assert (await client.get(f"/v1/jobs/{job['id']}/artifacts/other")).status_code == 404
    assert (await client.delete(f"/v1/files/{made.id}")).status_code == 409
