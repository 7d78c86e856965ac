"""The request headers that change what a request means: ``Prefer`` and ``Idempotency-Key``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobline.service.answers.refusals import BadParameter

#: Longest wait. Many proxies close a connection that is silent for longer.
MAX_WAIT_S = 60
PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Prefer:
    """The preferences of a client (RFC 7240); ``applied`` is the value for ``Preference-Applied``."""

    wait_s: float = 0
    applied: str = ""


NO_PREFERENCE = Prefer()


def read_prefer(value: str | None) -> Prefer:
    """Parse ``Prefer``; unknown and malformed preferences are ignored, as the RFC demands."""
    if not value:
        return NO_PREFERENCE
    wait = ""
    for preference in value.lower().split(","):
        name, _, content = preference.partition(";")[0].partition("=")
        if name.strip(" \t") == "respond-async":
            return Prefer(0, "respond-async")
        if name.strip(" \t") == "wait" and not wait:
            wait = content.strip(" \t").strip('"')
    if not (wait.isascii() and wait.isdigit()) or int(wait[:6]) == 0:
        return NO_PREFERENCE
    wait_s = min(int(wait[:6]), MAX_WAIT_S)
    return Prefer(wait_s, f"wait={wait_s}")


def read_key(value: str | None) -> str:
    """Parse ``Idempotency-Key``, bare or as a structured string (RFC 8941); empty if there is none."""
    if value is None:
        return ""
    key = value.strip(" \t")
    if len(key) >= 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - the two quotes
        key = re.sub(r"\\(.)", r"\1", key[1:-1])
    if not PRINTABLE.fullmatch(key):
        raise BadParameter("The Idempotency-Key must be 1 to 255 printable ASCII characters.")
    return key
