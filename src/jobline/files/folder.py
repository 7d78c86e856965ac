"""The data directory: whether this process can write into it, asked before anything starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from jobline.domain.errors import SettingsError


def check_data_dir(directory: Path) -> None:
    """Make the directory if it is missing; raises SettingsError if this process cannot write in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise SettingsError(
            f"JOBLINE_DATA_DIR: the data directory {directory.absolute()} cannot be written "
            f"({error.strerror}): make it writable, or name another one"
        ) from None
