"""The verbs of files and artifacts: their metadata; the bytes live in `files`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jobline.domain.retention import Retention
from jobline.domain.stored_file import StoredFile
from jobline.ledger.commands.command import Command, Reply, refuse_missing, words
from jobline.ledger.scripts import Script

KEEP_FILE = Script("keep_file")
READ_FILE = Script("read_file")
DROP_FILE = Script("drop_file")
TRASH = Script("trash")


def keep_file(
    id: str,
    tenant: str,
    *,
    name: str,
    media_type: str,
    size_bytes: int,
    sha256: str,
    retention: Retention,
) -> Command[int]:
    """Record an uploaded file, whose bytes are stored; answers its creation in milliseconds."""
    return Command(KEEP_FILE, (id, tenant, name, media_type, size_bytes, sha256, *retention), int)


def read_files(tenant: str, ids: Iterable[str]) -> Command[list[StoredFile]]:
    """Read files in the order asked; raises NotFound or Gone, naming the file, as the reply is read."""
    return Command(READ_FILE, (tenant, "", *ids), read_file_list)


def read_artifacts(tenant: str, job_id: str) -> Command[list[StoredFile]]:
    """Read the artifacts of one job."""
    return Command(READ_FILE, (tenant, job_id), read_file_list)


def read_file_list(reply: Reply) -> list[StoredFile]:
    """Read the reply of read_file."""
    for item in reply:
        if not isinstance(item[1], list):
            refuse_missing(item[0].decode(), item[1], what="file")
    return [StoredFile.read(item[0].decode(), item[1], item[2]) for item in reply]


def drop_file(id: str, tenant: str, retention: Retention) -> Command[bool]:
    """Forget an uploaded file; False when an unfinished job names it, or a job made it."""

    def read(reply: Reply) -> bool:
        refuse_missing(id, reply, what="file")
        return bool(reply == b"dropped")

    return Command(DROP_FILE, (tenant, id, *retention), read)


def trash(deleted: Sequence[str] = ()) -> Command[list[str]]:
    """Note that the bytes of ``deleted`` are gone, and learn which files' bytes should go next."""
    return Command(TRASH, tuple(deleted), words)
