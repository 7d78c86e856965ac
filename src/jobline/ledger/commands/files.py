"""The verbs of files and artifacts: their metadata; the bytes are in `files`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobline.domain.errors import LedgerUnavailable
from jobline.domain.retention import Retention
from jobline.domain.stored_file import StoredFile
from jobline.ledger.commands.command import Command, Reply, refuse_missing, words
from jobline.ledger.scripts import Script

RESERVE_FILE = Script("reserve_file")
ADD_FILE = Script("add_file")
READ_FILE = Script("read_file")
DELETE_FILE = Script("delete_file")
TRASH = Script("trash")


def reserve_file(id: str) -> Command[None]:
    """Expect bytes under a new id, before they get that name: if `add_file` does not follow, they go."""
    return Command(RESERVE_FILE, (id,), lambda _: None)


def add_file(
    id: str,
    tenant: str,
    *,
    name: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    retention: Retention,
) -> Command[int]:
    """Record an uploaded file, whose bytes are stored; returns when it was created, in milliseconds.

    Raises LedgerUnavailable as the reply is read if the reservation has ended.
    """

    def read(reply: Reply) -> int:
        if reply == b"late":
            raise LedgerUnavailable("The upload was not recorded in time and is deleted. Send it again.")
        return int(reply)

    return Command(ADD_FILE, (id, tenant, name, media_type, size_bytes, sha256, *retention), read)


def read_files(tenant: str, ids: Iterable[str]) -> Command[list[StoredFile]]:
    """Read files in the order of the ids; raises NotFound or Gone, naming the file, as the reply is read."""
    return Command(READ_FILE, (tenant, "", *ids), lambda reply: [read_item(*item) for item in reply])


def read_artifacts(tenant: str, job_id: str) -> Command[list[StoredFile]]:
    """Read the artifacts of one job."""
    return Command(READ_FILE, (tenant, job_id), lambda reply: [read_item(*item) for item in reply])


def read_item(id: bytes, word: bytes, record: Sequence[bytes] = (), expires_ms: bytes = b"") -> StoredFile:
    """Read one file of the reply."""
    refuse_missing(id.decode(), word, what="file")
    return StoredFile.read(id.decode(), record, expires_ms)


def delete_file(id: str, tenant: str, retention: Retention) -> Command[bool]:
    """Remove an uploaded file; False if an unfinished job names it, or a job made it."""

    def read(reply: Reply) -> bool:
        refuse_missing(id, reply, what="file")
        return bool(reply == b"deleted")

    return Command(DELETE_FILE, (tenant, id, *retention), read)


def trash(deleted: Sequence[str] = ()) -> Command[list[str]]:
    """Note that the bytes of ``deleted`` are gone; returns the files whose bytes should go next."""
    return Command(TRASH, tuple(deleted), words)
