from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jobline.domain.errors import LedgerUnavailable, NotFound, StorageFull, TooLarge
from jobline.files import FileStore, artifact_id, new_file_id
from jobline.files.staging import open_staging
from jobline.files.store import Upload
from tests.support.waiting import until

NO_LIMIT = 1 << 40
BLOCK = os.urandom(1 << 16)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "data")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def reserve(_: str) -> None:
    """Act as a ledger that takes every reservation."""


async def content(store: FileStore, file_id: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in await store.read(file_id, start, end)])


def files_below(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.rglob("*") if entry.is_file())


@pytest.mark.parametrize("parts", [(), (b"",), (b"abc",), (b"ab", b"", b"c"), (BLOCK,) * 200])
async def test_saved_file_reads_back_with_its_length_and_hash(
    store: FileStore, parts: tuple[bytes, ...]
) -> None:
    whole = b"".join(parts)

    stored = await store.save(chunks(*parts), NO_LIMIT, reserve)

    assert stored.size_bytes == len(whole)
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert await content(store, stored.id) == whole


async def test_file_of_exactly_the_limit_is_taken(store: FileStore) -> None:
    assert (await store.save(chunks(b"abc", b"def"), 6, reserve)).size_bytes == 6


async def test_file_above_the_limit_is_refused_and_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await store.save(chunks(*[BLOCK] * 200), 12_000_000, reserve)
    assert files_below(tmp_path) == []


async def test_upload_is_refused_before_the_rest_is_read(store: FileStore) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield BLOCK

    with pytest.raises(TooLarge):
        await store.save(endless(), 10 * len(BLOCK), reserve)
    assert taken == 11


async def test_failing_client_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield BLOCK
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.save(broken(), NO_LIMIT, reserve)
    assert files_below(tmp_path) == []


async def test_cancelled_upload_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield BLOCK
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.save(stalled(), NO_LIMIT, reserve))
    await until(lambda: files_below(tmp_path) != [])
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    await until(lambda: files_below(tmp_path) == [])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 1, b"0"),
        (3, 7, b"3456"),
        (9, 10, b"9"),
        (4, None, b"456789"),
        (4, 4, b""),
    ],
)
async def test_range_of_a_file_is_read(
    store: FileStore, start: int, end: int | None, expected: bytes
) -> None:
    stored = await store.save(chunks(b"01234", b"56789"), NO_LIMIT, reserve)
    assert await content(store, stored.id, start, end) == expected


async def test_reading_a_missing_file_fails_before_the_first_chunk(store: FileStore) -> None:
    with pytest.raises(NotFound):
        await store.read(new_file_id())


@pytest.mark.parametrize("name", ["", "..", "../secret", "file_x", "/etc/passwd", f"{'file_' + '0' * 32}/x"])
async def test_malformed_id_is_never_a_path(store: FileStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        await store.read(name)
    with pytest.raises(NotFound):
        await store.delete(name)
    with pytest.raises(NotFound):
        store.fetch(name, tmp_path)


async def test_stream_that_is_never_read_closes_its_file(store: FileStore) -> None:
    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)
    stream: Any = await store.read(stored.id)
    file = stream._stream
    del stream
    await until(lambda: file.closed)


async def test_second_delete_does_nothing(store: FileStore) -> None:
    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)
    await store.delete(stored.id)
    await store.delete(stored.id)
    with pytest.raises(NotFound):
        await store.read(stored.id)


async def test_fetched_file_has_the_bytes_and_survives_a_delete(store: FileStore, tmp_path: Path) -> None:
    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)

    path = store.fetch(stored.id, tmp_path)
    store.remove(stored.id)

    assert path.read_bytes() == b"abc"
    assert path.parent == tmp_path
    assert store.fetch(stored.id, tmp_path) == path


async def test_fetch_copies_no_bytes(store: FileStore, tmp_path: Path) -> None:
    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)
    assert store.fetch(stored.id, tmp_path).stat().st_nlink == 2


async def test_fetch_without_links_gives_the_stored_path(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another file system")

    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)
    monkeypatch.setattr(os, "link", refuse)
    assert store.fetch(stored.id, tmp_path).read_bytes() == b"abc"


def test_fetch_of_a_missing_file_raises_and_leaves_nothing(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        store.fetch(new_file_id(), tmp_path)
    assert files_below(tmp_path) == []


async def test_published_artifact_is_what_the_last_attempt_wrote(store: FileStore, tmp_path: Path) -> None:
    made = artifact_id("job", "a.txt")
    for text in (b"first", b"second"):
        path = tmp_path / "a.txt"
        path.write_bytes(text)
        stored = store.publish(made, path)
        assert stored.id == made
        assert stored.size_bytes == len(text)
        assert stored.sha256 == hashlib.sha256(text).hexdigest()
    assert await content(store, made) == b"second"


async def test_artifact_is_published_across_file_systems(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if path.parent == tmp_path:
            raise OSError(errno.EXDEV, "another file system")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    made, path = artifact_id("job", "a.txt"), tmp_path / "a.txt"
    path.write_bytes(b"abc")

    store.publish(made, path)

    assert await content(store, made) == b"abc"
    assert files_below(tmp_path) == [made]


def leave_half_written(folder: Path, age_s: float) -> Path:
    """Leave what a killed process leaves: the kernel has released its lock."""
    path, stream = open_staging(folder / new_file_id())
    stream.write(b"abc")
    stream.close()
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


async def test_sweep_removes_what_dead_uploads_left_and_nothing_else(
    store: FileStore, tmp_path: Path
) -> None:
    """Bytes of an upload whose process was killed filled the disk for an hour, or for ever."""
    stored = await store.save(chunks(b"abc"), NO_LIMIT, reserve)
    folder = tmp_path / "data" / "files"
    dead, fresh = leave_half_written(folder, 30), leave_half_written(folder, 0)
    os.utime(folder / stored.id, (time.time() - 7200, time.time() - 7200))

    assert store.sweep() == 1

    assert not dead.exists()
    assert files_below(tmp_path) == sorted([fresh.name, stored.id])


async def test_sweep_spares_a_live_upload_however_slow(store: FileStore, tmp_path: Path) -> None:
    """A phone on a bad network may pause for longer than any limit of time that removes dead uploads soon."""
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield BLOCK * 32
        await go_on.wait()
        yield b"end"

    upload = asyncio.create_task(store.save(slow(), NO_LIMIT, reserve))
    await until(lambda: files_below(tmp_path) != [])
    (half,) = (tmp_path / "data" / "files" / "incoming").iterdir()
    os.utime(half, (time.time() - 3600, time.time() - 3600))
    assert store.sweep() == 0
    go_on.set()
    assert (await content(store, (await upload).id)).endswith(b"end")


async def test_upload_that_the_ledger_does_not_expect_leaves_nothing(
    store: FileStore, tmp_path: Path
) -> None:
    """Bytes under a name that the ledger never heard of would be nobody's, and stay for ever."""

    async def refuse(_: str) -> None:
        raise LedgerUnavailable("down")

    with pytest.raises(LedgerUnavailable):
        await store.save(chunks(b"abc"), NO_LIMIT, refuse)
    assert files_below(tmp_path) == []


def test_sweep_of_a_store_without_files_does_nothing(store: FileStore) -> None:
    assert store.sweep() == 0


@pytest.mark.parametrize("broken", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE])
async def test_upload_to_a_full_disk_is_refused_and_leaves_nothing(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    """Protects clients and the disk: a 507 says what to do, and the half-written file is gone."""

    def fail(upload: Upload) -> None:
        raise OSError(broken, os.strerror(broken))

    await store.save(chunks(b"kept"), NO_LIMIT, reserve)
    before = files_below(tmp_path)
    monkeypatch.setattr(Upload, "close", fail)
    with pytest.raises(StorageFull, match=os.strerror(broken)):
        await store.save(chunks(*[BLOCK] * 40), NO_LIMIT, reserve)
    assert files_below(tmp_path) == before


async def test_files_are_for_their_owner_alone(store: FileStore, tmp_path: Path) -> None:
    """Protects uploads and artifacts from other users of the machine."""
    stored = await store.save(chunks(b"secret"), NO_LIMIT, reserve)
    written = tmp_path / "out"
    written.write_bytes(b"made")
    written.chmod(0o644)
    made = store.publish(artifact_id("job", "out"), written)
    folder = tmp_path / "data" / "files"
    modes = {path: path.stat().st_mode & 0o777 for path in (folder, folder / stored.id, folder / made.id)}
    assert list(modes.values()) == [0o700, 0o600, 0o600]
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_link_is_never_published(store: FileStore, tmp_path: Path) -> None:
    """Protects every file that the worker may read: a link would be served to clients."""
    link = tmp_path / "out"
    link.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        store.publish(artifact_id("job", "out"), link)
    assert files_below(tmp_path / "data") == []
