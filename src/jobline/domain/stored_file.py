"""A file or an artifact as the ledger knows it: its metadata; the bytes are in `files`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobline.domain.record import moment, pairs


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The metadata of stored bytes; an artifact has the ``job_id`` of the job that made it."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    expires_at: datetime | None
    job_id: str | None

    @classmethod
    def read(cls, id: str, flat: Sequence[bytes], expires_ms: bytes | str) -> StoredFile:
        """Read the names and values of a reply."""
        fields = dict(pairs(flat))
        return cls(
            id=id,
            name=fields[b"name"].decode(),
            media_type=fields[b"media_type"].decode(),
            size_bytes=int(fields[b"size_bytes"]),
            sha256=fields[b"sha256"].decode(),
            created_at=moment(fields[b"created"]),
            expires_at=moment(int(float(expires_ms))) if expires_ms else None,
            job_id=fields[b"job"].decode() if b"job" in fields else None,
        )
