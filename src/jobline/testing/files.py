"""Files of a test: named by the test, served by id as uploads are."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from jobline.domain.errors import NotFound
from jobline.domain.file_id import FileRule
from jobline.files import FileStore, Stored

#: The content itself, or the path of a local file, which is copied.
Content: TypeAlias = bytes | os.PathLike[str] | str


class FileChanged(AssertionError):
    """The task wrote to a file that it was given; in production that changes the upload, for every job."""


def file_id(name: str) -> str:
    """Return the id of a test's file: ``Thumbnail(photo=file_id("a.jpg"))`` with ``files={"a.jpg": …}``."""
    return f"file_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


class Uploads:
    """The files of one test, each stored under the id of its name."""

    def __init__(self, store: FileStore, directory: Path) -> None:
        self.store = store
        self._directory = directory
        self._stored: dict[str, Stored] = {}

    def add(self, files: Mapping[str, Content], rules: Mapping[str, FileRule]) -> None:
        """Store files, and check those that the input names by its rules (file id -> rule).

        Raises NotFound for a file that the input names and ``files`` lacks, TooLarge, and UnsupportedMedia.
        """
        media_types = {file_id(name): self._add(name, content) for name, content in files.items()}
        for wanted, rule in rules.items():
            if wanted in self._stored:
                media_type = media_types[wanted] or next(iter(rule.media_types), "")
                rule.check(wanted, self._stored[wanted].size_bytes, media_type)
            elif wanted.startswith("file_"):
                raise NotFound(
                    f"The input names the file {wanted}, which is none of files= (they are {sorted(files)}): "
                    "write file_id(name) in the input."
                )

    def _add(self, name: str, content: Content) -> str:
        """Store one file and return its media type, read from its names; empty where none has an ending."""
        path = self._directory / "upload"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
        stored = self.store.publish(file_id(name), path)
        self._stored[stored.id] = stored
        names = [name] if isinstance(content, bytes) else [Path(content).name, name]
        return next((kind for one in names if (kind := mimetypes.guess_type(one)[0])), "")

    def check_unchanged(self) -> None:
        """Raise FileChanged if the bytes of a file are no longer those that were stored."""
        for stored in self._stored.values():
            with self.store.fetch(stored.id, self._directory).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != stored.sha256:
                    raise FileChanged(
                        f"The task changed the file {stored.id}: copy a file before writing to it."
                    )
