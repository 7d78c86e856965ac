"""The verb that every new connection begins with: it finds a ledger that this code would misread."""

from __future__ import annotations

from jobline.domain.errors import LedgerVersion
from jobline.ledger.commands.command import Command, Reply
from jobline.ledger.keys import Layout
from jobline.ledger.scripts import Script

VERSION = Script("version")


def check_version(layout: Layout) -> Command[None]:
    """Note the layout's number in an empty ledger; raises LedgerVersion where the ledger has another one."""

    def read(reply: Reply) -> None:
        if (found := int(reply)) != layout.version:
            raise LedgerVersion(layout.prefix, found, layout.version)

    return Command(VERSION, (layout.version,), read)
