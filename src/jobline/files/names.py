"""Names of files: opaque ids, and the rules for names that clients and tasks choose. Pure."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

from jobline.domain.errors import TaskError, Unprocessable

MAX_NAME = 200
#: Control characters, lone surrogates, line and paragraph separators: an HTTP header cannot carry them.
BAD_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def new_file_id() -> str:
    """Return a new id for an upload: random, so that it reveals nothing about content or tenants."""
    return f"file_{secrets.token_hex(16)}"


def artifact_id(job_id: str, name: str) -> str:
    """Return the id of an artifact, the same in each attempt: a later attempt overwrites it."""
    return f"art_{hashlib.sha256(f'{job_id}/{name}'.encode()).hexdigest()[:32]}"


def check_name(name: str) -> str:
    """Return a file name that a client sent; raises Unprocessable, with the reason, if it is not allowed."""
    if flaw := find_flaw(name):
        raise Unprocessable(f"The file name {name[:MAX_NAME]!r} {flaw}.")
    return name


def check_artifact_name(name: str) -> str:
    """Return the name that a task chose for an artifact; raises TaskError ``artifact.bad_name``."""
    if flaw := find_flaw(name):
        raise TaskError("artifact.bad_name", f"The artifact's name {name[:MAX_NAME]!r} {flaw}.")
    return name


def find_flaw(name: str) -> str | None:
    """Return why a file name is not allowed, as the end of a sentence; None if it is allowed."""
    if not 1 <= len(name) <= MAX_NAME:
        return f"has {len(name)} characters; 1 to {MAX_NAME} are allowed"
    if name in {".", ".."}:
        return "means a directory; choose another"
    if "/" in name:
        return "contains a slash; send the last part alone"
    if any(unicodedata.category(character) in BAD_CATEGORIES for character in name):
        return "contains a control character; remove it"
    return None
