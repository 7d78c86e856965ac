"""Store bytes under opaque ids, on a local directory or on S3, GCS or Azure by URL.

A stored object is whole or not there. Whatever writes one writes under a staging name beside it and renames,
or completes a multipart upload: obstore does so for streams, ``publish`` for a local file. Staging names end
in ``#`` and a number; a process that was killed leaves one behind, and ``sweep`` removes it an hour later.

obstore's runtime does not survive a fork (to import it is harmless), so the first call that needs it starts
it, and a parent that forks must make none. On a local directory ``fetch``, ``publish``, ``remove`` and
``sweep`` never need it.

Metadata (names, owners, expiry) must not enter: the ledger has it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import LocalStore, from_url

from jobline.domain.errors import NotFound, TooLarge
from jobline.domain.file_id import PATTERN
from jobline.files.names import new_file_id

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore

FOLDER = "files"
STAGING_MARK = "#"
STALE_S = 3600.0
READ_BYTES = 1 << 18
#: S3 takes no smaller part. With four parts in flight an upload holds at most 20 MB.
PART_BYTES = 5 << 20
PARTS_IN_FLIGHT = 4
IS_ID = re.compile(PATTERN)
#: No link is to be had: another file system, none supported, too many, or somebody else's file.
CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Stored:
    """Tell what was stored: its id, its length and the SHA-256 of its bytes in hexadecimal."""

    id: str
    size_bytes: int
    sha256: str


class FileStore:
    """Save, read, fetch, publish and remove bytes by id; safe to share between threads and coroutines.

    ``root`` is a local directory, made when it is missing, or a URL that obstore knows (``s3://bucket/prefix``),
    whose credentials come from the cloud's own environment variables.
    """

    def __init__(self, root: Path | str) -> None:
        is_url = isinstance(root, str) and "://" in root and not root.startswith("file://")
        self._url = str(root) if is_url else None
        self._folder = None if is_url else Path(str(root).removeprefix("file://")).absolute() / FOLDER

    # --- for the service ---------------------------------------------------------------------------

    async def save(self, chunks: AsyncIterator[bytes], max_bytes: int) -> Stored:
        """Store an upload as it arrives and give it a new id.

        Raises TooLarge as soon as more than ``max_bytes`` have come. Whatever ends it early, a failure of
        ``chunks`` or a cancel among them, leaves nothing behind.
        """
        meter = Meter(max_bytes)
        file_id = new_file_id()
        await obstore.put_async(
            self._objects,
            key(file_id),
            meter.watch(chunks),
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_IN_FLIGHT,
        )
        return Stored(file_id, meter.size_bytes, meter.digest.hexdigest())

    async def read(self, file_id: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Open the bytes from ``start`` up to, and without, ``end`` (None: the last), as a stream of chunks.

        Raises NotFound here, before the first chunk is asked for. The range must lie within the file.
        """
        if end is not None and end <= start:
            return nothing()
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        try:
            found = await obstore.get_async(self._objects, key(file_id), options=options)
        except FileNotFoundError:
            raise missing(file_id) from None
        return chunks_of(found.stream(min_chunk_size=READ_BYTES))

    async def delete(self, file_id: str) -> None:
        """Remove a file; to remove it again does nothing."""
        await asyncio.to_thread(self.remove, file_id)

    # --- for the worker ----------------------------------------------------------------------------

    def fetch(self, file_id: str, directory: Path) -> Path:
        """Bring a file to a path in ``directory``, to be read and never written to.

        A local store links it, or gives its own path where no link can be; a remote one downloads.
        Raises NotFound.
        """
        place = key(file_id)
        target = directory / file_id
        if target.exists():
            return target
        if self._folder is None:
            return self._download(place, target)
        source = self._folder / file_id
        try:
            target.hardlink_to(source)
        except FileNotFoundError:
            raise missing(file_id) from None
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            return source
        return target

    def publish(self, file_id: str, path: Path) -> Stored:
        """Move a finished local file into the store under ``file_id``, in place of what was there.

        Readers see either the old bytes or the new. On a local store ``path`` is gone afterwards.
        """
        place = key(file_id)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stored = Stored(file_id, os.fstat(stream.fileno()).st_size, digest)
        if self._folder is None:
            obstore.put(self._objects, place, path, chunk_size=PART_BYTES, max_concurrency=PARTS_IN_FLIGHT)
        else:
            move(path, self._folder / file_id)
        return stored

    def remove(self, file_id: str) -> None:
        """Remove a file; to remove it again does nothing."""
        place = key(file_id)
        if self._folder is not None:
            (self._folder / file_id).unlink(missing_ok=True)
            return
        try:
            obstore.delete(self._objects, place)
        except FileNotFoundError:
            return

    def sweep(self, older_than_s: float = STALE_S) -> int:
        """Remove what killed processes left half written, and say how many; call it about once an hour.

        On a remote store there is nothing to do: its own lifecycle rule ends incomplete multipart uploads.
        """
        if self._folder is None or not self._folder.is_dir():
            return 0
        before = time.time() - older_than_s
        stale = [entry.path for entry in os.scandir(self._folder) if is_stale(entry, before)]
        for path in stale:
            Path(path).unlink(missing_ok=True)
        return len(stale)

    # --- within ------------------------------------------------------------------------------------

    @cached_property
    def _objects(self) -> ObjectStore:
        if self._folder is None:
            return from_url(str(self._url))
        return LocalStore(self._folder.parent, mkdir=True)

    def _download(self, place: str, target: Path) -> Path:
        half = staging(target)
        try:
            with half.open("wb") as stream:
                for chunk in obstore.get(self._objects, place).stream(min_chunk_size=READ_BYTES):
                    stream.write(chunk)
            return half.replace(target)
        except FileNotFoundError:
            raise missing(target.name) from None
        finally:
            half.unlink(missing_ok=True)


class Meter:
    """Count and hash the chunks that pass, up to a limit."""

    def __init__(self, max_bytes: int) -> None:
        self.digest = hashlib.sha256()
        self.size_bytes = 0
        self._max_bytes = max_bytes

    async def watch(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass each chunk on; raises TooLarge in place of the one that is too much."""
        async for chunk in chunks:
            self.size_bytes += len(chunk)
            if self.size_bytes > self._max_bytes:
                raise TooLarge(f"The file has more than {self._max_bytes:,} bytes, the limit here.")
            self.digest.update(chunk)
            yield chunk


def key(file_id: str) -> str:
    """Say where a file lies; raises NotFound for what is no id, so that no path can be built from outside."""
    if not IS_ID.fullmatch(file_id):
        raise missing(file_id)
    return f"{FOLDER}/{file_id}"


def missing(file_id: str) -> NotFound:
    """Name the file that is not there."""
    return NotFound(f"There is no file {file_id[:64]!r}.")


async def nothing() -> AsyncIterator[bytes]:
    """Stream an empty range, which obstore refuses to read."""
    for chunk in tuple[bytes]():
        yield chunk


async def chunks_of(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Turn obstore's buffers into bytes."""
    async for chunk in stream:
        yield bytes(chunk)


def move(path: Path, target: Path) -> None:
    """Put a file in the place of another at once; from another file system by a copy and a rename."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        half = staging(target)
        try:
            shutil.copyfile(path, half)
            half.replace(target)
        finally:
            half.unlink(missing_ok=True)
        path.unlink()


def staging(target: Path) -> Path:
    """Name the half-written twin of a file, as obstore's local store names its own."""
    return target.with_name(f"{target.name}{STAGING_MARK}{secrets.randbelow(10**12)}")


def is_stale(entry: os.DirEntry[str], before: float) -> bool:
    """Claim that an entry is half written and was not written to since ``before``."""
    if STAGING_MARK not in entry.name:
        return False
    try:
        return entry.stat().st_mtime < before
    except FileNotFoundError:
        return False
