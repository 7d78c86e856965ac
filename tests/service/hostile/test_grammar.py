"""Headers and forms that are almost right: read in linear time, refused whole, and nothing stored."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.service.hostile.target import Target, post, status_of

BOUNDARY = "Content-Type: multipart/form-data; boundary=b"
#: Twenty kilobytes of what a careless pattern reads over and over.
REPEATED = {
    "filename": "a;" + "filename=;" * 2000,
    "extended": "a;" + "filename=x;filename*=" * 900,
    "quotes": 'a;x="' + '\\"' * 9000,
    "blanks": "a;" + " " * 18_000 + "x",
    "semicolons": "a" + ";" * 18_000,
    "names": "a;" + "x" * 18_000,
    "unquoted": "a;" + 'x="";' * 3600 + '"',
}


def form(head: str, content: bytes = b"1", end: bytes = b"\r\n--b--\r\n") -> bytes:
    """Return a form with one part."""
    return post("/v1/files", b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + end, BOUNDARY)


def stored(target: Target) -> set[Path]:
    """Return all files on the disk of the service."""
    return {path for path in Path(target.deployment.directory, "data").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "header", ["Content-Disposition", "Content-Type", "Prefer", "If-None-Match", "Range"]
)
@pytest.mark.parametrize("kind", REPEATED)
def test_header_is_read_in_linear_time(target: Target, header: str, kind: str) -> None:
    """Protects the loop: 20 kB of a header took half a second of it, for everybody."""
    value = REPEATED[kind]
    if header == "Content-Type":
        value = value.replace("a;", "multipart/form-data;", 1)
    began = time.monotonic()
    answer = target.talk(post("/v1/files", b"x", f"{header}: {value}"))
    assert status_of(answer) in {201, 400, 422, 431}
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize("kind", REPEATED)
def test_disposition_of_a_part_is_read_in_linear_time(target: Target, kind: str) -> None:
    """Protects the loop from the same in a form, whose parts may have 4 kB of a header."""
    began = time.monotonic()
    answer = target.talk(form(f"Content-Disposition: form-data; name=f; {REPEATED[kind][2:4000]}"))
    assert status_of(answer) in {201, 422}
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--b", b"\r\n--b-", b"\r\n--b\r\n", b"\r\n--other--\r\n"])
def test_form_without_its_closing_boundary_stores_nothing(target: Target, end: bytes) -> None:
    """Protects files: a form that was cut off must not become a shorter file."""
    before = stored(target)
    answer = target.talk(form('Content-Disposition: form-data; name="f"; filename="a"', b"x" * 5000, end))
    assert status_of(answer) == 422
    assert stored(target) == before


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n" + b"x" * 200_000 + b"\r\n--b--", 413),
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n" * 3000 + b"--b--", 413),
        (b"--b\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n1\r\n--b--", 422),
        (b"--b\r\nX-A: " + b"x" * 100_000 + b"\r\n\r\n1\r\n--b--", 422),
        (b"--b--\r\n" + b"x" * 200_000, 413),
    ],
)
def test_what_a_form_adds_to_its_file_is_bounded(target: Target, parts: bytes, status: int) -> None:
    """Protects memory and time: fields, headers and what follows the form may have 64 kB together."""
    assert status_of(target.talk(post("/v1/files", parts, BOUNDARY))) == status


@pytest.mark.parametrize(
    ("boundary", "status"), [("x" * 10_000, 400), ("x" * 71, 400), ('"a;b"', 400), ("", 422)]
)
def test_boundary_that_is_none_is_refused(target: Target, boundary: str, status: int) -> None:
    """Protects against a 500: a boundary has up to 70 letters of a few kinds."""
    answer = target.talk(post("/v1/files", b"x", f"Content-Type: multipart/form-data; boundary={boundary}"))
    assert status_of(answer) == status


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("text/html;\nX: 1", 422),
        ("text/html;\x0bx", 422),
        ("text/html\x85;a", 201),
        ("text/html;a=\xa0", 201),
    ],
)
def test_type_of_a_part_is_no_way_to_write_a_header(target: Target, type_: str, status: int) -> None:
    """Protects downloads: a type with a line feed was stored, and could never be sent."""
    head = f'Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Type: {type_}'
    answer = target.talk(form(head))
    assert status_of(answer) == status
    if status == 201:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["media_type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("form-data; name=f; filename*=UTF-8''%e2%82%ac.txt", "€.txt"),
        ('form-data; name="f"; filename="a\\"b"', 'a"b'),
        ('form-data; name=f; filename="C:\\dir\\a.txt"', "a.txt"),
        ("form-data; name=f; filename=plain", "plain"),
        ('form-data; name=f; filename="é"', "é"),
        ("form-data; name=f; filename=\"one\"; filename*=UTF-8''two", "one"),
    ],
)
def test_name_of_a_form_is_read_as_clients_write_it(target: Target, disposition: str, name: str) -> None:
    """Protects honest clients, also those that send `filename*` alone."""
    answer = target.talk(form(f"Content-Disposition: {disposition}"))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["name"] == name


def test_aborted_upload_is_no_defect(target: Target) -> None:
    """Protects the log: a client that leaves is not an error of ours."""
    for body in (b"", b"--b\r\nContent-Disposition: form-data; filename=a\r\n\r\nhalf"):
        with target.connect() as connection:
            connection.sendall(post("/v1/files", body, BOUNDARY, "Content-Length: 9999"))
    target.probe()
    time.sleep(0.2)
    assert "Traceback" not in target.api.output()
    assert " failed, request " not in target.api.output()
