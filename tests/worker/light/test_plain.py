from __future__ import annotations

import threading
import time
from functools import partial

from jobline.worker.light.plain import LONG_S, SHORT_S, PlainThread, RunTimes


def test_task_that_never_ran_is_not_short() -> None:
    assert not RunTimes().is_short("t")


def test_task_is_short_after_short_runs_and_long_after_one_long_run() -> None:
    run_times = RunTimes()
    for _ in range(3):
        run_times.add("t", SHORT_S / 10)
    assert run_times.is_short("t")
    run_times.add("t", 1.0)
    assert not run_times.is_short("t")


def test_long_task_becomes_short_only_after_many_short_runs() -> None:
    run_times = RunTimes()
    run_times.add("t", 1.0)
    run_times.add("t", SHORT_S / 10)
    assert not run_times.is_short("t")
    for _ in range(100):
        run_times.add("t", SHORT_S / 10)
    assert run_times.is_short("t")


def test_jobs_run_one_after_the_other() -> None:
    plain, done = PlainThread(), threading.Event()
    order: list[int] = []
    for number in range(5):
        plain.start(str(number), partial(order.append, number))
    plain.start("last", done.set)
    assert done.wait(5)
    assert order == list(range(5))


def test_jobs_behind_a_long_one_are_withdrawn() -> None:
    plain, gate = PlainThread(), threading.Event()
    ran: list[str] = []
    plain.start("long", lambda: gate.wait(10))
    plain.start("behind", lambda: ran.append("behind"))
    assert plain.withdraw() == []
    give_up = time.monotonic() + 5
    while not plain.is_blocked and time.monotonic() < give_up:
        gate.wait(LONG_S)
    assert plain.withdraw() == ["behind"]
    gate.set()
    done = threading.Event()
    plain.start("next", done.set)
    assert done.wait(5)
    assert ran == []


def test_job_that_raises_leaves_the_thread_alive() -> None:
    plain, done = PlainThread(), threading.Event()

    def fail() -> None:
        raise ValueError

    plain.start("bad", fail)
    plain.start("good", done.set)
    assert done.wait(5)
