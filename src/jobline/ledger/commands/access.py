"""The verbs of access: keys, and the count of each caller's requests in a window of time."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobline.domain.access import AccessKey, Credential, Principal, Scope, join_scopes, split_scopes
from jobline.domain.record import moment, pairs
from jobline.ledger.commands.command import Command, Reply, read_each, text
from jobline.ledger.scripts import Script

ADD_ACCESS = Script("add_access")
READ_ACCESS = Script("read_access")
LIST_ACCESS = Script("list_access")
DELETE_ACCESS = Script("delete_access")
COUNT_REQUESTS = Script("count_requests")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A stored key: whom it stands for, if its secret has this digest, and for how long."""

    principal: Principal
    digest: str = field(repr=False)
    left_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """The requests of a caller in the present window, of all processes, and the time until its end."""

    count: int
    left_ms: int


def add_access_key(
    credential: Credential, *, tenant: str, scopes: frozenset[Scope], name: str, ttl_ms: int | None
) -> Command[int]:
    """Record a new key; returns when it was created, in milliseconds."""
    args = (credential.id, credential.digest, tenant, join_scopes(scopes), name, text(ttl_ms))
    return Command(ADD_ACCESS, args, int)


def read_access_key(credential: Credential) -> Command[FoundKey | None]:
    """Read the key that a caller shows; None for one that is unknown, revoked or expired."""

    def read(reply: Reply) -> FoundKey | None:
        word, *found = reply
        if word == b"unknown":
            return None
        digest, tenant, scopes, left_ms = (part.decode() for part in found)
        principal = Principal(credential.id, tenant, split_scopes(scopes))
        return FoundKey(principal, digest, int(left_ms) if left_ms else None)

    return Command(READ_ACCESS, (credential.id, credential.digest), read)


def list_access_keys() -> Command[list[AccessKey]]:
    """List every key, the oldest first; expired ones too, until they are revoked."""

    def read(reply: Reply) -> list[AccessKey]:
        found = read_each(reply, lambda item: read_key(item[0].decode(), item[1]))
        return sorted(found, key=lambda one: one.created_at)

    return Command(LIST_ACCESS, (), read)


def read_key(id: str, flat: list[bytes]) -> AccessKey:
    """Read the record of one key, without its digest."""
    fields = dict(pairs(flat))
    return AccessKey(
        id=id,
        name=fields[b"name"].decode(),
        tenant=fields[b"tenant"].decode(),
        scopes=split_scopes(fields[b"scopes"].decode()),
        created_at=moment(fields[b"created"]),
        expires_at=moment(fields.get(b"expires")),
        used_at=moment(fields.get(b"used")),
    )


def delete_access_key(id: str) -> Command[bool]:
    """Revoke a key; False if there is none with this id."""
    return Command(DELETE_ACCESS, (id,), lambda reply: bool(reply == b"deleted"))


def count_requests(caller: str, count: int, window_ms: int) -> Command[Counted]:
    """Add requests to a caller's window."""
    return Command(COUNT_REQUESTS, (caller, count, window_ms), lambda reply: Counted(*map(int, reply)))
