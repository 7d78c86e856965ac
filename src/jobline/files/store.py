"""Bytes under opaque ids, in one directory that every service and worker shares.

A stored file is whole or absent: it is written in the folder of `staging` and then renamed.

Metadata (names, owners, expiry) must not enter: the ledger has it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from jobline.domain.errors import NotFound, StorageFull, TooLarge
from jobline.domain.file_id import PATTERN
from jobline.files.names import new_file_id
from jobline.files.private import FILE_MODE, make_private
from jobline.files.staging import open_staging, sweep_staging

FOLDER = "files"
#: What one visit to a thread reads or writes: small enough for memory, large enough to outweigh the visit.
READ_BYTES = 1 << 18
WRITE_BYTES = 1 << 20
#: What helps when a file cannot be stored.
REMEDY = (
    "Delete files that are not needed, or ask the operator to free space in JOBLINE_DATA_DIR and to check "
    "that the API may write to it."
)
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

    async def save(
        self, chunks: AsyncIterator[bytes], max_bytes: int, reserve: Callable[[str], Awaitable[object]]
    ) -> Stored:
        """Store an upload as it arrives, under a new id.

        ``reserve`` is awaited with the id when all bytes are written and before they get their name: from
        then on the ledger knows that there may be such a file. If it fails, nothing is stored.
        Raises TooLarge as soon as more than ``max_bytes`` have come. An upload that ends early, by a failure
        of ``chunks`` or by a cancel, leaves nothing behind.
        """
        file_id = new_file_id()
        upload = Upload(self._folder / file_id, max_bytes)
        try:
            async for chunk in chunks:
                if upload.take(chunk):
                    with storing():
                        await asyncio.to_thread(upload.write)
            with storing():
                await asyncio.to_thread(upload.close)
            await reserve(file_id)
            with storing():
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

        Readers see either the old bytes or the new. Raises OSError for a link: the store holds bytes alone.
        """
        target = self._path(file_id)
        make_private(target.parent)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            about = os.fstat(stream.fileno())
            with suppress(PermissionError):  # another user's file
                os.fchmod(stream.fileno(), FILE_MODE)
            move(path, stream, target)
        return Stored(file_id, about.st_size, digest)

    def remove(self, file_id: str) -> None:
        """Remove a file if it exists."""
        self._path(file_id).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove the half-written files of dead processes and return their number."""
        return sweep_staging(self._folder)

    # --- within ------------------------------------------------------------------------------------

    def _path(self, file_id: str) -> Path:
        """Return where a file lies; raises NotFound for a malformed id, so that no client chooses a path."""
        if not IS_ID.fullmatch(file_id):
            raise missing(file_id)
        return self._folder / file_id


class Upload:
    """A file on its way in: counted, hashed, and kept under another name until it is whole.

    ``write`` and ``close`` block, so they run on a thread. A cancel may leave one of them running there:
    ``discard`` then waits for it, because a buffered writer closes only between two writes.
    """

    def __init__(self, target: Path, max_bytes: int) -> None:
        self.size_bytes = 0
        self._target = target
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._half = target
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
            self._half, self._stream = open_staging(self._target)
        content = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        self._digest.update(content)
        self._stream.write(content)

    def close(self) -> None:
        """Write the last chunks; the file stays open and locked until it has its name."""
        self.write()
        if self._stream is not None:
            self._stream.flush()

    def publish(self) -> None:
        """Rename the file to its final name; on the loop's thread, so that no cancel can come between."""
        self._half.replace(self._target)

    def discard(self) -> None:
        """Remove what was not published."""
        if self._stream is not None:
            self._half.unlink(missing_ok=True)
            with suppress(OSError):  # a full disk: the bytes in the buffer are not wanted any more
                self._stream.close()


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


@contextmanager
def storing() -> Iterator[None]:
    """Turn what the file system says into a refusal that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StorageFull(f"The file cannot be stored: {reason}. {REMEDY}", retry_after_s=60) from error


def missing(file_id: str) -> NotFound:
    """Return the error for a file that does not exist."""
    return NotFound(f"There is no file {file_id[:64]!r}.")


def move(path: Path, opened: BinaryIO, target: Path) -> None:
    """Replace a file by another in one step; from another file system, by a copy of ``opened``."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        opened.seek(0)
        half, stream = open_staging(target)
        try:
            with stream:
                shutil.copyfileobj(opened, stream)
                stream.flush()
                half.replace(target)
        finally:
            half.unlink(missing_ok=True)
        path.unlink()
