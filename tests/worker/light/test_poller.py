from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest
from kombu.utils.eventio import READ, poll

from jobline.domain.errors import SettingsError
from jobline.worker.light.poller import SharedPoller, descriptor


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_private_descriptor_of_kombus_poller_is_there() -> None:
    assert descriptor(poll()) > 0


def test_poller_without_a_descriptor_is_refused() -> None:
    with pytest.raises(SettingsError, match="--pool threads"):
        descriptor(object())  # type: ignore[arg-type] # the fault


def test_loop_runs_while_the_hub_waits(loop: asyncio.AbstractEventLoop) -> None:
    turns: list[int] = []
    loop.call_soon(turns.append, 1)
    shared = SharedPoller(poll(), loop)
    began = time.monotonic()
    assert not shared.poll(0.1)
    assert turns == [1]
    assert time.monotonic() - began >= 0.09
    shared.close()


@pytest.mark.parametrize(("timeout", "least_s"), [(None, 0.2), (60, 0.2), (0, 0), (-1, 0)])
def test_hub_waits_a_quarter_second_at_most(
    loop: asyncio.AbstractEventLoop, timeout: float | None, least_s: float
) -> None:
    """Celery acts on a signal only between two waits."""
    shared = SharedPoller(poll(), loop)
    began = time.monotonic()
    assert not shared.poll(timeout)
    assert least_s <= time.monotonic() - began < 10
    shared.close()


def test_file_of_the_hub_ends_the_wait(loop: asyncio.AbstractEventLoop) -> None:
    reader, writer = os.pipe()
    shared = SharedPoller(poll(), loop)
    shared.register(reader, READ)
    threading.Timer(0.1, os.write, (writer, b"x")).start()
    began = time.monotonic()
    assert [fd for fd, _ in shared.poll(5)] == [reader]
    assert time.monotonic() - began < 4
    shared.unregister(reader)
    shared.close()
    os.close(reader)
    os.close(writer)
