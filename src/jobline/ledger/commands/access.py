"""The verbs of access: keys, and the requests that each may make in a window of time."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobline.domain.access import AccessKey, Credential, Principal, Scope, join_scopes, split_scopes
from jobline.domain.record import moment, pairs
from jobline.ledger.commands.command import Command, Reply, text
from jobline.ledger.scripts import Script

KEEP_ACCESS = Script("keep_access")
READ_ACCESS = Script("read_access")
LIST_ACCESS = Script("list_access")
DROP_ACCESS = Script("drop_access")
COUNT = Script("count")


@dataclass(frozen=True, slots=True)
class KeyFound:
    """Answer a look-up: whom the key stands for, if the digest is proved, and how long it will."""

    principal: Principal
    digest: str = field(repr=False)
    left_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Tell a caller's requests in the present window, of all processes, and when the window ends."""

    count: int
    left_ms: int


def keep_access_key(
    credential: Credential, *, tenant: str, scopes: frozenset[Scope], name: str, life_ms: int | None
) -> Command[int]:
    """Record a new key; answers its creation in milliseconds."""
    args = (credential.id, credential.digest, tenant, join_scopes(scopes), name, text(life_ms))
    return Command(KEEP_ACCESS, args, int)


def read_access_key(credential: Credential) -> Command[KeyFound | None]:
    """Look up the key that a caller shows; None for one that is unknown, revoked or expired."""

    def read(reply: Reply) -> KeyFound | None:
        if not reply:
            return None
        digest, tenant, scopes, left_ms = (part.decode() for part in reply)
        principal = Principal(credential.id, tenant, split_scopes(scopes))
        return KeyFound(principal, digest, int(left_ms) if left_ms else None)

    return Command(READ_ACCESS, (credential.id, credential.digest), read)


def list_access_keys() -> Command[list[AccessKey]]:
    """List every key, the oldest first; expired ones too, until they are revoked."""

    def read(reply: Reply) -> list[AccessKey]:
        return sorted((read_key(item[0].decode(), item[1]) for item in reply), key=lambda one: one.created_at)

    return Command(LIST_ACCESS, (), read)


def read_key(id: str, flat: list[bytes]) -> AccessKey:
    """Read the record of one key, without its digest."""
    fields = dict(pairs(flat))
    created = moment(fields[b"created"])
    assert created is not None  # noqa: S101 - narrows a type: every key has the field
    return AccessKey(
        id=id,
        name=fields[b"name"].decode(),
        tenant=fields[b"tenant"].decode(),
        scopes=split_scopes(fields[b"scopes"].decode()),
        created_at=created,
        expires_at=moment(fields.get(b"expires")),
        used_at=moment(fields.get(b"used")),
    )


def drop_access_key(id: str) -> Command[bool]:
    """Revoke a key; False when there is none of this id."""
    return Command(DROP_ACCESS, (id,), lambda reply: bool(reply == b"dropped"))


def count_requests(caller: str, count: int, window_ms: int) -> Command[Counted]:
    """Add requests to a caller's window."""
    return Command(COUNT, (caller, count, window_ms), lambda reply: Counted(*map(int, reply)))
