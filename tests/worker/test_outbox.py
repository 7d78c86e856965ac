from __future__ import annotations

import threading
import time
from queue import Empty

import pytest

from jobline.domain.retention import Retention
from jobline.ledger import commands
from jobline.ledger.commands.command import Command
from jobline.worker.outbox import Outbox

RETENTION = Retention(1, 1, 1)


def make(number: int) -> Command[object]:
    return commands.attempts.rescue(str(number), 1, RETENTION)  # type: ignore[return-value]


def drain(outbox: Outbox) -> list[object]:
    found: list[object] = []
    while True:
        try:
            found.append(outbox.get().args[0])
        except Empty:
            return found


def test_first_in_first_out() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.put(make(number))
    assert drain(outbox) == ["0", "1", "2"]
    with pytest.raises(Empty):
        outbox.get()


def test_command_that_was_not_sent_stays_first() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.put(make(number))
    outbox.put_back(outbox.get())
    outbox.put(make(3))
    assert drain(outbox) == ["0", "1", "2", "3"]


def test_wait_ends_as_soon_as_a_command_is_put() -> None:
    outbox = Outbox()
    threading.Timer(0.02, outbox.put, [make(1)]).start()
    begin = time.monotonic()
    outbox.wait(10)
    assert time.monotonic() - begin < 5
    assert drain(outbox) == ["1"]


def test_wait_ends_after_its_timeout() -> None:
    Outbox().wait(0.01)
