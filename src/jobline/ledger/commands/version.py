"""The verb that every new connection runs first, so that no program misreads a ledger."""

from __future__ import annotations

from jobline.domain.errors import LedgerVersion
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.keys import Layout
from jobline.ledger.scripts import Script

VERSION = Script("version")


def check_version(layout: Layout) -> Command[None]:
    """Store the layout's version in an empty ledger; raises LedgerVersion if the ledger has another one."""

    def read(reply: Reply) -> None:
        if (found := int(reply)) != layout.version:
            raise LedgerVersion(layout.prefix, found, layout.version)

    return Command(VERSION, (layout.version,), read)
