"""Entity tags (RFC 9110, section 8.8.3), and the test whether a client's copy is current."""

from __future__ import annotations

import hashlib


def make_etag(body: bytes) -> str:
    """Return a strong entity tag for a body."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def is_current(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client has this version (RFC 9110, section 13.1.2: the weak comparison)."""
    if if_none_match is None:
        return False
    known = [tag.strip(" \t").removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag.removeprefix("W/") in known
