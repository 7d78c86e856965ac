from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from greenlet import getcurrent

from jobline.domain.errors import JobCancelled, TimeLimitReached
from jobline.ledger import commands
from jobline.ledger.commands.clock import WorkerStats
from jobline.ledger.connect import Connector
from jobline.worker.coroutines import CancelledWithin
from jobline.worker.light.loop import LightLoop, LightRecorder


@pytest.fixture
def light(redis_url: str) -> Iterator[LightLoop]:
    made = LightLoop(Connector(redis_url))
    yield made
    made.close()


def run_all(light: LightLoop, *calls: Callable[[], object], within_s: float = 5.0) -> list[object]:
    """Run calls in greenlets until all have ended; return their results and errors."""
    ended: list[object] = []

    def run(call: Callable[[], object]) -> None:
        try:
            ended.append(call())
        except (Exception, JobCancelled) as error:  # noqa: BLE001 - the tests look at any error
            ended.append(error)
        if len(ended) == len(calls):
            light.loop.stop()

    light.loop.call_later(within_s, light.loop.stop)
    for call in calls:
        light.start(partial(run, call))
    if len(ended) < len(calls):
        light.loop.run_forever()
    assert len(ended) == len(calls)
    return ended


async def give(value: int, after_s: float = 0.0) -> int:
    await asyncio.sleep(after_s)
    return value


def wait_and_give(light: LightLoop, number: int) -> int:
    return light.wait_for(light.loop.create_task(give(number, 0.2)))


def test_plain_code_may_block_while_the_loop_runs(light: LightLoop) -> None:
    began = time.monotonic()
    ended = run_all(light, *(partial(wait_and_give, light, number) for number in range(50)))
    assert set(ended) == set(range(50))
    assert time.monotonic() - began < 2


def test_code_outside_a_greenlet_may_not_block(light: LightLoop) -> None:
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(light.is_inside()))
    thread.start()
    thread.join()
    inside = run_all(light, light.is_inside)
    assert (light.is_inside(), seen, inside) == (False, [False], [True])
    assert getcurrent().parent is None


def test_coroutine_past_its_limit_is_a_timeout(light: LightLoop) -> None:
    ended = run_all(light, lambda: light.run("j", give(1, 60), 0.1))
    assert isinstance(ended[0], TimeLimitReached)


def test_cancel_ends_one_job_only(light: LightLoop) -> None:
    threading.Timer(0.1, light.cancel, ["a"]).start()
    ended = run_all(light, lambda: light.run("a", give(1, 60), 99), lambda: light.run("b", give(2, 0.4), 99))
    assert isinstance(ended[0], JobCancelled)
    assert ended[1] == 2


def test_coroutine_that_cancels_itself_is_no_cancelled_job(light: LightLoop) -> None:
    async def give_up() -> int:
        raise asyncio.CancelledError

    ended = run_all(light, lambda: light.run("j", give_up(), 99))
    assert isinstance(ended[0], CancelledWithin)


def test_plain_code_on_the_loop_may_run_a_loop_of_its_own(light: LightLoop, redis_url: str) -> None:
    """A task that calls ``asyncio.run`` must not fail from the day it counts as short."""
    recorder = LightRecorder(Connector(redis_url), light)

    def plain() -> tuple[int, list[WorkerStats]]:
        async def inner() -> list[WorkerStats]:
            return recorder.run(commands.clock.workers())

        return asyncio.run(give(7)), asyncio.run(inner())

    ended = run_all(light, lambda: light.call(plain), lambda: light.run("j", give(1), 9))
    assert (7, []) in ended
    assert 1 in ended


def test_cancel_of_an_unknown_job_does_nothing(light: LightLoop) -> None:
    light.cancel("nobody")
    assert run_all(light, lambda: light.wait_for(light.loop.create_task(give(3)))) == [3]


def test_recorder_waits_on_the_loop_and_blocks_elsewhere(light: LightLoop, redis_url: str) -> None:
    recorder = LightRecorder(Connector(redis_url), light)
    command = commands.clock.workers()
    assert recorder.run(command) == []
    assert run_all(light, lambda: recorder.run(command), lambda: recorder.run(command)) == [[], []]
