"""Access keys: how one is made, what is stored of it, what it allows. Pure, except for random numbers.

A key is ``jl_<id>_<secret>``: the id finds its record, the secret proves it. The secret has 256 random bits,
so it cannot be guessed whatever the hash. A slow hash (Argon2, bcrypt) protects passwords that people choose;
here it would only make each request slow. SHA-256 is enough, and the ledger stores that digest alone.
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
#: A tenant's name is part of Redis keys, so it has no colon.
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
ID_BYTES = 8
SECRET_BYTES = 32
TOKEN_LENGTH = len("jl__") + 2 * ID_BYTES + 2 * SECRET_BYTES


class Scope(StrEnum):
    """What a key allows, as the operator granted it. ADMIN includes the others, which are independent."""

    #: See the tenant's jobs, files and events, and the catalogue.
    READ = "read"
    #: Submit jobs and batches, upload files.
    SUBMIT = "submit"
    #: Cancel, retry and delete, and every other change of the tenant's own data.
    MANAGE = "manage"
    #: All of the above, and what all tenants share: pausing queues, the list of workers.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: the key's id, the tenant whose jobs and files it sees, and what it may do."""

    id: str
    tenant: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Return whether the key grants the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


#: Every caller, while keys are off.
ANYBODY = Principal("", PUBLIC, frozenset(Scope))


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller presented: a key's id and the digest of its secret. The secret is not kept."""

    id: str
    digest: str = field(repr=False)

    def proves(self, digest: str) -> bool:
        """Return whether this is the stored digest; compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key as the ledger stores it; ``used_at`` is exact to the minute."""

    id: str
    name: str
    tenant: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


def make_token() -> tuple[Credential, str]:
    """Make a key; return what is stored of it, and the text that its owner is shown once."""
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES)
    return Credential(key_id, hash_secret(secret)), f"jl_{key_id}_{secret}"


def read_token(token: str) -> Credential | None:
    """Read the text of a key; None if it is not one of Jobline's."""
    if len(token) != TOKEN_LENGTH or not token.startswith("jl_") or not token.isascii():
        return None
    key_id, _, secret = token[3:].partition("_")
    if len(key_id) != 2 * ID_BYTES or not (key_id.isalnum() and secret.isalnum()):
        return None
    return Credential(key_id, hash_secret(secret))


def hash_secret(secret: str) -> str:
    """Return the digest that is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def join_scopes(scopes: frozenset[Scope]) -> str:
    """Return scopes as words, in the order of their declaration."""
    return " ".join(scope for scope in Scope if scope in scopes)


def split_scopes(text: str) -> frozenset[Scope]:
    """Read what `join_scopes` wrote."""
    return frozenset(Scope(word) for word in text.split())
