"""The registry of the worker's tests, and a recorder that needs no Redis."""

from __future__ import annotations

import json
from typing import Any

from jobline import Task
from jobline.domain.errors import LedgerUnavailable
from jobline.domain.registry import Registry
from jobline.ledger.commands.attempts import Renewed, Reported
from jobline.ledger.commands.command import Command
from tests.support.tasks import endings

REGISTRY = Registry.of(one for one in vars(endings).values() if isinstance(one, Task))


class FakeRecorder:
    """A recorder that keeps what an attempt reports."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, Any]] = []
        self.cancelled: list[str] = []
        self.lost: list[str] = []
        self.is_down = False

    def run(self, command: Command[Any]) -> Any:
        if self.is_down:
            raise LedgerUnavailable("down")
        if command.script.name == "report":
            _, _, kind, content = command.args
            self.reports.append((str(kind), json.loads(str(content))))
            return Reported(is_current=not self.lost, cancel_requested=bool(self.cancelled))
        assert command.script.name == "renew"
        return Renewed(self.lost, self.cancelled, 1)
