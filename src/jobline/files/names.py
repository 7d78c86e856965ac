"""How files are called: opaque ids, and which names of clients and tasks are taken. Pure."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

from jobline.domain.errors import TaskError, Unprocessable

MAX_NAME = 200
#: Control characters, lone surrogates, line and paragraph separators: none of them survives a header.
BAD_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def new_file_id() -> str:
    """Make the id of an upload: random, so that it tells nothing of the content or of another tenant."""
    return f"file_{secrets.token_hex(16)}"


def artifact_id(job_id: str, name: str) -> str:
    """Derive the id of an artifact, so that a job's next attempt overwrites what the last one wrote."""
    return f"art_{hashlib.sha256(f'{job_id}/{name}'.encode()).hexdigest()[:32]}"


def check_name(name: str) -> str:
    """Give back a file name that a client sent, or raise Unprocessable, which says what is wrong with it."""
    if flaw := find_flaw(name):
        raise Unprocessable(f"The file name {name[:MAX_NAME]!r} {flaw}.")
    return name


def check_artifact_name(name: str) -> str:
    """Give back the name that a task chose for an artifact, or raise TaskError ``artifact.bad_name``."""
    if flaw := find_flaw(name):
        raise TaskError("artifact.bad_name", f"The artifact's name {name[:MAX_NAME]!r} {flaw}.")
    return name


def find_flaw(name: str) -> str | None:
    """Say what forbids a file name, as the end of a sentence; None when nothing does."""
    if not 1 <= len(name) <= MAX_NAME:
        return f"has {len(name)} characters; 1 to {MAX_NAME} are allowed"
    if name in {".", ".."}:
        return "is a directory's; choose another"
    if "/" in name:
        return "contains a slash; send the last part alone"
    if any(unicodedata.category(character) in BAD_CATEGORIES for character in name):
        return "contains a control character; remove it"
    return None
