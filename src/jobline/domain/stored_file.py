"""A file or an artifact as the ledger knows it: its metadata; the bytes live in `files`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobline.domain.record import moment, pairs


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Describe stored bytes; ``job_id`` names the job that made an artifact."""

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
        """Read the flat field-value list that a script answers."""
        fields: dict[Any, Any] = dict(pairs(flat))
        created = moment(fields[b"created"])
        assert created is not None  # noqa: S101 - narrows a type: every file has the field
        return cls(
            id=id,
            name=fields[b"name"].decode(),
            media_type=fields[b"media_type"].decode(),
            size_bytes=int(fields[b"size_bytes"]),
            sha256=fields[b"sha256"].decode(),
            created_at=created,
            expires_at=moment(str(int(float(expires_ms)))) if expires_ms else None,
            job_id=fields[b"job"].decode() if b"job" in fields else None,
        )
