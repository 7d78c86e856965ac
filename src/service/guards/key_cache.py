"""A cache of access keys, so that not every request asks the ledger.

Every process refuses a revoked key within `FRESH_S`; until then, a process that has cached it may still admit
it. Unknown keys are not cached: strangers could fill the memory with them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from jobline.domain.access import Credential, Principal
from jobline.ledger import commands
from jobline.ledger.store import Store

FRESH_S = 5.0
#: While one request reads the key again, requests beside it use the cached one for at most this long.
GRACE_S = 1.0
MAX_KEYS = 10_000


@dataclass(slots=True)
class CachedKey:
    """A key as the ledger last described it; like the ledger, it holds the digest and never the secret."""

    digest: str
    principal: Principal
    fresh_until: float
    valid_until: float


class KeyCache:
    """The principals of access keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, CachedKey] = {}

    async def find(self, credential: Credential) -> Principal | None:
        """Return the principal of a key, None if it is not valid; raises LedgerUnavailable."""
        key, now = self._keys.get(credential.id), time.monotonic()
        if key is None or now >= key.valid_until:
            key = await self._read(credential)
        elif now >= key.fresh_until:
            key.fresh_until = now + GRACE_S
            key = await self._read(credential)
        if key is None or not credential.proves(key.digest):
            return None
        return key.principal

    async def _read(self, credential: Credential) -> CachedKey | None:
        found = await self._store.run(commands.access.read_access_key(credential))
        if found is None:
            self._keys.pop(credential.id, None)
            return None
        now = time.monotonic()
        valid_until = now + FRESH_S + GRACE_S
        if found.left_ms is not None:
            valid_until = min(valid_until, now + found.left_ms / 1000)
        key = CachedKey(found.digest, found.principal, min(now + FRESH_S, valid_until), valid_until)
        if credential.proves(key.digest):
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[credential.id] = key
        return key
