"""Directories and files that only their owner may read: uploads may be anybody's secrets."""

from __future__ import annotations

from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


def make_private(directory: Path) -> None:
    """Create a directory and its parents for the owner alone. Those that exist keep their mode."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
