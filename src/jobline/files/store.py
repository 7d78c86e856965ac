"""Bytes under opaque ids, in one directory that every service and worker shares.

A stored file is whole or absent: it is written under a staging name beside its place and then renamed.
Staging names end in ``#`` and a number; a killed process leaves one behind, and ``sweep`` removes it an hour
later.

Metadata (names, owners, expiry) must not enter: the ledger has it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from jobline.domain.errors import NotFound, TooLarge
from jobline.domain.file_id import PATTERN
from jobline.files.names import new_file_id

FOLDER = "files"
STAGING_MARK = "#"
STALE_S = 3600.0
#: What one visit to a thread reads or writes: small enough for memory, large enough to outweigh the visit.
READ_BYTES = 1 << 18
WRITE_BYTES = 1 << 20
IS_ID = re.compile(PATTERN)
#: The source cannot be linked: other file system, links unsupported or exhausted, or another user's file.
CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK})


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored: its id, its length and the SHA-256 of its bytes in hexadecimal."""

    id: str
    size_bytes: int
    sha256: str


class FileStore:
    """Save, read, fetch, publish and remove bytes by id; safe to share between threads and coroutines.

    The directory ``root`` is made by the first write.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root.absolute() / FOLDER

    # --- for the service ---------------------------------------------------------------------------

    async def save(self, chunks: AsyncIterator[bytes], max_bytes: int) -> Stored:
        """Store an upload as it arrives, under a new id.

        Raises TooLarge as soon as more than ``max_bytes`` have come. An upload that ends early, by a failure
        of ``chunks`` or by a cancel, leaves nothing behind.
        """
        file_id = new_file_id()
        upload = Upload(self._folder / file_id, max_bytes)
        try:
            async for chunk in chunks:
                if upload.take(chunk):
                    await asyncio.to_thread(upload.write)
            await asyncio.to_thread(upload.close)
            upload.publish()
        finally:
            upload.discard()
        return Stored(file_id, upload.size_bytes, upload.sha256)

    async def read(self, file_id: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Open the bytes from ``start`` up to, but not including, ``end`` (None: the end), as chunks.

        Raises NotFound here, before the first chunk is asked for. The range must lie within the file.
        """
        chunks = Chunks(self._path(file_id), start, end)
        try:
            await asyncio.to_thread(chunks.open)
        except FileNotFoundError:
            raise missing(file_id) from None
        return chunks

    async def delete(self, file_id: str) -> None:
        """Remove a file if it exists."""
        await asyncio.to_thread(self.remove, file_id)

    # --- for the worker ----------------------------------------------------------------------------

    def fetch(self, file_id: str, directory: Path) -> Path:
        """Link a file into ``directory`` and return its path there; the caller must not write to it.

        Where no link is possible, return the stored file's own path. Raises NotFound.
        """
        source = self._path(file_id)
        target = directory / file_id
        if target.exists():
            return target
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
        """Move a finished file into the store under ``file_id``, in place of an older one.

        Readers see either the old bytes or the new.
        """
        target = self._path(file_id)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stored = Stored(file_id, os.fstat(stream.fileno()).st_size, digest)
        move(path, target)
        return stored

    def remove(self, file_id: str) -> None:
        """Remove a file if it exists."""
        self._path(file_id).unlink(missing_ok=True)

    def sweep(self, older_than_s: float = STALE_S) -> int:
        """Remove the half-written files of killed processes and return their number; call it hourly."""
        if not self._folder.is_dir():
            return 0
        before = time.time() - older_than_s
        stale = [entry.path for entry in os.scandir(self._folder) if is_stale(entry, before)]
        for path in stale:
            Path(path).unlink(missing_ok=True)
        return len(stale)

    # --- within ------------------------------------------------------------------------------------

    def _path(self, file_id: str) -> Path:
        """Return where a file lies; raises NotFound for a malformed id, so that no client chooses a path."""
        if not IS_ID.fullmatch(file_id):
            raise missing(file_id)
        return self._folder / file_id


class Upload:
    """A file on its way in: counted, hashed, and kept under a staging name until it is whole.

    ``write`` and ``close`` block, so they run on a thread. A cancel may leave one of them running there:
    ``discard`` then waits for it, because a buffered writer closes only between two writes.
    """

    def __init__(self, target: Path, max_bytes: int) -> None:
        self.size_bytes = 0
        self._target = target
        self._max_bytes = max_bytes
        self._half = staging(target)
        self._digest = hashlib.sha256()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._stream: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """The hash of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def take(self, chunk: bytes) -> bool:
        """Accept a chunk and return whether ``write`` is due; raises TooLarge."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._max_bytes:
            raise TooLarge(f"The file has more than {self._max_bytes:,} bytes, the limit here.")
        self._pending.append(chunk)
        self._pending_bytes += len(chunk)
        return self._pending_bytes >= WRITE_BYTES

    def write(self) -> None:
        """Write the accepted chunks."""
        if self._stream is None:
            self._half.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._half.open("wb")
        content = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        self._digest.update(content)
        self._stream.write(content)

    def close(self) -> None:
        """Write the last chunks and close the file."""
        self.write()
        if self._stream is not None:
            self._stream.close()

    def publish(self) -> None:
        """Rename the file to its final name; on the loop's thread, so that no cancel can come between."""
        self._half.replace(self._target)

    def discard(self) -> None:
        """Remove what was not published."""
        if self._stream is not None:
            self._stream.close()
            self._half.unlink(missing_ok=True)


class Chunks:
    """The chunks of one range of a file; the file closes with the last chunk, or with this object."""

    def __init__(self, path: Path, start: int, end: int | None) -> None:
        self._path = path
        self._start = start
        self._end = end
        self._left = 0
        self._stream: BinaryIO = io.BytesIO()

    def open(self) -> None:
        """Open the file at the start of the range; raises FileNotFoundError."""
        self._stream = self._path.open("rb")
        self._stream.seek(self._start)
        end = os.fstat(self._stream.fileno()).st_size if self._end is None else self._end
        self._left = max(0, end - self._start)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await asyncio.to_thread(self._read) if self._left else b""
        if not chunk:
            self._stream.close()
            raise StopAsyncIteration
        return chunk

    def _read(self) -> bytes:
        chunk = self._stream.read(min(READ_BYTES, self._left))
        self._left -= len(chunk)
        return chunk

    def __del__(self) -> None:
        self._stream.close()


def missing(file_id: str) -> NotFound:
    """Return the error for a file that does not exist."""
    return NotFound(f"There is no file {file_id[:64]!r}.")


def move(path: Path, target: Path) -> None:
    """Replace a file by another in one step; from another file system by a copy and a rename."""
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
    """Return a new staging name for a file."""
    return target.with_name(f"{target.name}{STAGING_MARK}{secrets.randbelow(10**12)}")


def is_stale(entry: os.DirEntry[str], before: float) -> bool:
    """Return whether an entry is a staging file that was last written to before ``before``."""
    if STAGING_MARK not in entry.name:
        return False
    try:
        return entry.stat().st_mtime < before
    except FileNotFoundError:
        return False
