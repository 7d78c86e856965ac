"""Uploads."""

from __future__ import annotations

from tests.model.entities import FILE_MS, File
from tests.model.rules.ledger import Ledger


class Files(Ledger):
    """Keep, show and drop them."""

    def add_file(self, name: str, tenant: str) -> int:
        """Record an upload."""
        self.files[name] = File(tenant, self.now + FILE_MS)
        return self.now

    def look_at_file(self, name: str, tenant: str) -> str:
        """Return what one tenant sees of a file."""
        file = self.files.get(name)
        if file is not None and file.tenant == tenant:
            return "found"
        return "gone" if self.gone.get(name) == tenant else "unknown"

    def delete_file(self, name: str, tenant: str) -> str:
        """Forget an upload."""
        found = self.look_at_file(name, tenant)
        if found != "found":
            return found
        if self.files[name].job or self.files[name].refs > 0:
            return "in-use"
        self.drop(name)
        self.gone[name] = tenant
        return "deleted"
