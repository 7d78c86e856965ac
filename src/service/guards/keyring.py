"""Know access keys without asking the ledger each time: what it said stays true for a few seconds.

A key that is revoked is refused within `FRESH_S`, in every process; so long the process that checked it may
still let it in. A refused key is not remembered: strangers could fill the memory with them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from jobline.domain.access import Credential, Principal
from jobline.ledger import commands
from jobline.ledger.store import Store

FRESH_S = 5.0
#: While one request asks again, those beside it go by the old answer.
GRACE_S = 1.0
MOST = 10_000


@dataclass(slots=True)
class Known:
    """Hold the ledger's last word on a key; the digest, as there, and never the secret."""

    digest: str
    principal: Principal
    until: float
    ends: float


class Keyring:
    """Say whom a credential stands for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Known] = {}

    async def identify(self, credential: Credential) -> Principal | None:
        """Give the key's principal, or None; raises LedgerUnavailable when nobody can tell."""
        known, now = self._known.get(credential.id), time.monotonic()
        if known is None or now >= known.ends:
            known = await self._ask(credential)
        elif now >= known.until:
            known.until = now + GRACE_S
            known = await self._ask(credential)
        if known is None or not credential.proves(known.digest):
            return None
        return known.principal

    async def _ask(self, credential: Credential) -> Known | None:
        found = await self._store.run(commands.access.read_access_key(credential))
        if found is None:
            self._known.pop(credential.id, None)
            return None
        now = time.monotonic()
        ends = now + FRESH_S + GRACE_S
        if found.left_ms is not None:
            ends = min(ends, now + found.left_ms / 1000)
        known = Known(found.digest, found.principal, min(now + FRESH_S, ends), ends)
        if credential.proves(known.digest):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[credential.id] = known
        return known
