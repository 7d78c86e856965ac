from __future__ import annotations

import inspect
import os
import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.process import BaseProcess
from celery.concurrency import asynpool
from kombu.asynchronous.hub import Hub

from jobline.domain.settings import Settings
from jobline.worker import prefork
from jobline.worker.app import build_celery
from jobline.worker.prefork import DEATH_S, Children, PreforkPool, sweep
from tests.support.worker import REGISTRY


@pytest.fixture
def hub() -> Iterator[Any]:
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def sentinel() -> Iterator[int]:
    ours, childs = os.pipe()
    yield ours
    os.close(ours)
    os.close(childs)


def child(sentinel: int, *, is_alive: bool) -> Any:
    """Return a child that the pool no longer watches."""
    return SimpleNamespace(
        _sentinel_poll=None, _popen=SimpleNamespace(sentinel=sentinel), _is_alive=lambda: is_alive
    )


def pool() -> Any:
    return Children.__new__(Children)


def test_private_names_of_celery_are_still_used() -> None:
    named = set(re.findall(r"``(_\w+)``", str(prefork.__doc__)))
    assert named == {
        "_track_child_process", "_event_process_exit", "_sentinel_poll", "_is_alive", "_pool", "_cache",
        "_accepted", "_write_to", "_queue", "_config",
    }  # fmt: skip
    for name in ("_cache", "_accepted", "_write_to"):
        assert name in inspect.getsource(asynpool.AsynPool.flush)
    assert "_sentinel_poll" in inspect.getsource(asynpool.AsynPool._track_child_process)
    assert "_event_process_exit" in inspect.getsource(asynpool.AsynPool._track_child_process)
    assert callable(BaseProcess._is_alive)
    assert "_config" in inspect.getsource(BaseProcess)


def test_stock_pool_fails_on_a_child_that_is_not_watched(hub: Any, sentinel: int) -> None:
    with pytest.raises(ValueError, match="file descriptor is None"):
        asynpool.AsynPool._track_child_process(pool(), child(sentinel, is_alive=True), hub)


def test_living_child_is_watched_again(hub: Any, sentinel: int) -> None:
    lost = child(sentinel, is_alive=True)
    pool()._track_child_process(lost, hub)
    assert lost._sentinel_poll in hub.readers
    pool()._untrack_child_process(lost, hub)
    assert not hub.readers


def test_dead_child_is_left_to_the_timer(hub: Any, sentinel: int) -> None:
    pool()._track_child_process(child(sentinel, is_alive=False), hub)
    assert not hub.readers


def test_stock_timer_keeps_cancelled_entries(hub: Any) -> None:
    hub.call_later(3600, print).cancel()
    assert len(hub.timer) == 1


def test_sweep_removes_cancelled_entries_only(hub: Any) -> None:
    fired: list[int] = []
    alarms = [hub.call_later(delay, fired.append, number) for number, delay in enumerate((0.0, 3600.0, 0.0))]
    alarms[1].cancel()
    sweep(hub.timer)
    assert len(hub.timer) == 2
    hub.fire_timers()
    assert fired == [0, 2]


@pytest.mark.parametrize(("stays", "checks"), [(True, 1), (False, 0)])
def test_child_that_has_not_died_yet_is_checked_again_soon(
    hub: Any, sentinel: int, monkeypatch: pytest.MonkeyPatch, *, stays: bool, checks: int
) -> None:
    dying = child(sentinel, is_alive=True)
    children = pool()
    children._pool = [dying] if stays else []
    monkeypatch.setattr(Children, "maintain_pool", lambda _: None)
    children._event_process_exit(hub, dying)
    assert [eta - time.monotonic() <= DEATH_S for eta, _, _ in hub.timer.queue] == [True] * checks


def test_pool_that_has_ended_has_no_jobs() -> None:
    assert PreforkPool(limit=1).jobs() == set()


def test_default_pool_is_the_repaired_prefork() -> None:
    assert build_celery(REGISTRY, Settings()).conf.worker_pool == "jobline.worker.prefork:PreforkPool"
