"""Access keys: how one is made, what of it is kept, what it allows. Pure but for the system's randomness.

A key reads ``jl_<id>_<secret>``: the id finds its record, the secret proves it. The secret is 256 random
bits, so nobody guesses it whatever the hash, and a slow hash (Argon2, bcrypt: made for passwords, which
people choose) would only make each request slow. SHA-256 is enough; the ledger holds that digest alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

#: The tenant of all callers while `JOBLINE_AUTH` is off, and of stock Celery clients always.
PUBLIC = "public"
#: A tenant's name is a part of Redis keys and of a job's place, so it holds no colon.
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
ID_BYTES = 8
SECRET_BYTES = 32
TOKEN_LENGTH = len("jl__") + 2 * ID_BYTES + 2 * SECRET_BYTES


class Scope(StrEnum):
    """Say what a key allows, as the operator gave it; ADMIN is all of them, the others imply nothing."""

    #: See the tenant's jobs, files and events, and the catalogue.
    READ = "read"
    #: Submit jobs and batches, upload files.
    SUBMIT = "submit"
    #: Cancel, retry and delete; everything else that changes what is the tenant's.
    MANAGE = "manage"
    #: All of the above, and what all tenants share: pausing queues, the list of workers.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Say who calls: the key's id, whose jobs and files are seen, and what is allowed."""

    id: str
    tenant: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Claim that the key allows this."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


#: Everybody, while keys are off.
ANYBODY = Principal("", PUBLIC, frozenset(Scope))


@dataclass(frozen=True, slots=True)
class Credential:
    """Hold what a caller showed: the id of a key, and the digest of its secret. The secret itself is gone."""

    id: str
    digest: str = field(repr=False)

    def proves(self, digest: str) -> bool:
        """Claim that this is the secret that was kept; takes as long whether it is or not."""
        return hmac.compare_digest(self.digest, digest)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Describe a key as the ledger holds it; ``used_at`` is true to the minute."""

    id: str
    name: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


def make_token() -> tuple[Credential, str]:
    """Make a new key: what is kept of it, and the text that its owner gets once."""
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES)
    return Credential(key_id, hash_secret(secret)), f"jl_{key_id}_{secret}"


def read_token(token: str) -> Credential | None:
    """Take a key apart; None where the text is no key of ours."""
    if len(token) != TOKEN_LENGTH or not token.startswith("jl_") or not token.isascii():
        return None
    key_id, _, secret = token[3:].partition("_")
    if len(key_id) != 2 * ID_BYTES or not (key_id.isalnum() and secret.isalnum()):
        return None
    return Credential(key_id, hash_secret(secret))


def hash_secret(secret: str) -> str:
    """Give what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def join_scopes(scopes: frozenset[Scope]) -> str:
    """Write scopes as words, in the order of their declaration."""
    return " ".join(scope for scope in Scope if scope in scopes)


def split_scopes(text: str) -> frozenset[Scope]:
    """Read what `join_scopes` wrote."""
    return frozenset(Scope(word) for word in text.split())
