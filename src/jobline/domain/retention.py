"""How long the ledger keeps things after their end."""

from __future__ import annotations

from typing import NamedTuple


class Retention(NamedTuple):
    """TTLs in milliseconds, made by `Settings.retention`; arguments of each script that ends something."""

    result_ms: int  #: of a job's record, from the job's end
    file_ms: int  #: of a file, from its upload or from the end of the last job that names it
    tombstone_ms: int  #: of the note that an id has expired, from its expiry
