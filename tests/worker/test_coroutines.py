from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobline.domain.errors import JobCancelled, TimeLimitReached
from jobline.worker.coroutines import (
    CancelledWithin,
    JobStopped,
    contain_exit,
    process_loop,
    run_coroutine,
)


def never() -> bool:
    return False


def always() -> bool:
    return True


async def give(value: object, after_s: float = 0.0) -> object:
    await asyncio.sleep(after_s)
    return value


def test_result_is_returned() -> None:
    assert run_coroutine(give(7), 5, never) == 7


def test_all_coroutines_share_one_loop() -> None:
    together = 0
    gate = asyncio.Event()

    async def meet() -> int:
        nonlocal together
        together += 1
        if together == 8:
            gate.set()
        await gate.wait()
        return threading.get_ident()

    with ThreadPoolExecutor(8) as pool:
        threads = set(pool.map(lambda _: run_coroutine(meet(), 5, never), range(8)))
    assert len(threads) == 1


def test_exception_is_raised_to_the_caller() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_coroutine(fail(), 5, never)


def test_timeout_cancels_the_coroutine() -> None:
    ended = threading.Event()

    async def linger() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    begin = time.monotonic()
    with pytest.raises(TimeLimitReached):
        run_coroutine(linger(), 0.05, never)
    assert time.monotonic() - begin < 5
    assert ended.wait(5)


def test_cancel_waits_for_the_code_to_stop() -> None:
    steps: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    with pytest.raises(JobStopped):
        run_coroutine(linger(), 5, always)
    assert steps == ["cleaned up"]


def test_timeout_of_its_own_is_raised_to_the_caller() -> None:
    """What the task's own I/O raises is the task's error, not the time limit."""

    async def wait() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        run_coroutine(wait(), 5, never)


def test_coroutine_that_cancels_itself_is_no_cancelled_job() -> None:
    """A CancelledError that nobody asked for must not end the job as REVOKED."""

    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CancelledWithin):
        run_coroutine(give_up(), 5, never)


def test_late_attempt_is_stopped_too() -> None:
    def late() -> bool:
        raise JobCancelled

    with pytest.raises(JobStopped):
        run_coroutine(give(1, after_s=60), 5, late)


def test_cancel_that_the_coroutine_raises_is_raised_to_the_caller() -> None:
    async def stop() -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        run_coroutine(stop(), 5, never)


@pytest.mark.parametrize("exit_", [SystemExit(3), KeyboardInterrupt()])
def test_exit_does_not_end_the_loop(exit_: BaseException) -> None:
    async def leave() -> None:
        raise exit_

    with pytest.raises(Exception, match=type(exit_).__name__):
        run_coroutine(contain_exit(leave()), 5, never)
    assert process_loop().is_running()
    assert run_coroutine(give(1), 5, never) == 1
