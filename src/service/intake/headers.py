"""Read the headers that change what a request means; pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from jobline.service.answers.refusals import BadParameter

#: RFC 7240, and the bound that keeps proxies from cutting a wait off.
MAX_WAIT_S = 60
PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Prefer:
    """Hold what a client would like (RFC 7240): how long to wait, or not to."""

    wait_s: float = 0
    applied: str = ""


NO_PREFERENCE = Prefer()


def read_prefer(value: str | None) -> Prefer:
    """Read ``Prefer``; what is unknown or malformed is ignored, as the RFC has it."""
    if not value:
        return NO_PREFERENCE
    wait = ""
    for preference in value.lower().split(","):
        name, _, content = preference.partition(";")[0].partition("=")
        if name.strip() == "respond-async":
            return Prefer(0, "respond-async")
        if name.strip() == "wait" and not wait:
            wait = content.strip().strip('"')
    if not (wait.isascii() and wait.isdigit()) or int(wait[:6]) == 0:
        return NO_PREFERENCE
    wait_s = min(int(wait[:6]), MAX_WAIT_S)
    return Prefer(wait_s, f"wait={wait_s}")


def read_key(value: str | None) -> str:
    """Read ``Idempotency-Key``, quoted (a structured string, RFC 8941) or bare; empty where there is none."""
    if value is None:
        return ""
    key = value.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - the two quotes
        key = re.sub(r"\\(.)", r"\1", key[1:-1])
    if not PRINTABLE.fullmatch(key):
        raise BadParameter("The Idempotency-Key must be 1 to 255 printable ASCII characters.")
    return key


def make_etag(body: bytes) -> str:
    """Name a version of a body."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def is_fresh(if_none_match: str | None, etag: str) -> bool:
    """Claim that the client holds this version already (RFC 9110, section 13.1.2: the weak comparison)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag.removeprefix("W/") in known
