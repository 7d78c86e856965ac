"""Coroutines: ``async def`` jobs that wait, many at once in one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.lab import Lab, Outcome, Row, Running, Unmeasured, measure, peer
from benchmarks.submit import JOBLINE
from benchmarks.waiting import SETTLE_S, resident
from benchmarks.worker import LOOK_S, Crew, by_keys, coroutine_pools, crew, drain, fill, filled, left_in
from jobline.ledger.keys import Key

NAPPING = 20_000
#: Jobs that run at once while memory is looked at; and those before them, so that nothing is made only then.
RUNNING = 2_000
WARM = 1_000
PATIENCE_S = 30.0


def run(lab: Lab) -> list[Outcome]:
    """Measure ``async def`` jobs of 50 ms, 1,000 at once, one process."""
    main, older = peer(), peer("old-redis")
    slots = {"BENCH_SLOTS": "1000"}

    def own(*options: str) -> dict[str, float]:
        return drain(lab, crew(lab, *options, task="bench.nap"), NAPPING)

    def napping(
        module: str, python: str, program: Sequence[str], ended: Callable[[int], int]
    ) -> dict[str, float]:
        return drain(
            lab, Crew(filled(lab, python, module, "nap"), [(python, *program)], ended, slots), NAPPING
        )

    celery = (
        "-m",
        "celery",
        "-A",
        "celery_peer",
        "worker",
        "--loglevel",
        "error",
        "-P",
        "threads",
        "-c",
        "500",
    )
    taskiq = ("-m", "taskiq", "worker", "taskiq_peer:broker", "--workers", "1", "--max-async-tasks", "1000")
    saq = ("-m", "saq", "saq_peer.settings")
    rows = [
        *(
            Row(f"Jobline, {name}", partial(own, *options, "--concurrency", "1000"))
            for name, options in coroutine_pools()
        ),
        Row("Jobline, light, 2,000 that run", partial(weigh, lab)),
        Row(
            "arq",
            lambda: napping(
                "arq_peer",
                older,
                ("-m", "arq", "arq_peer.WorkerSettings"),
                left_in(lab, "zcard", "arq:queue"),
            ),
        ),
        Row(
            "taskiq (list)", lambda: napping("taskiq_peer", main, taskiq, by_keys(lab)), "no acknowledgement"
        ),
        Row("SAQ", lambda: napping("saq_peer", older, saq, left_in(lab, "zcard", "saq:default:incomplete"))),
        Row(
            "Celery threads 500",
            lambda: napping("celery_peer", main, celery, by_keys(lab)),
            "plain functions",
        ),
    ]
    return measure(lab, rows)


def weigh(lab: Lab) -> dict[str, float]:
    """Say what memory a job takes while it runs, of many at once."""
    count = lab.scaled(RUNNING)
    program = (*JOBLINE, "worker", "--loglevel", "error", "--pool", "light", "--concurrency", str(count))
    with lab.process(program) as worker:
        fill(lab, "bench.anoop", WARM)
        wait_until(worker, lambda: int(lab.redis.zcard(Key.FINISHED.of())) == WARM)
        before = resident(worker)
        fill(lab, "bench.doze", count, first=WARM)
        wait_until(worker, lambda: int(lab.redis.zcard(Key.LEASES.of())) == count)
        time.sleep(SETTLE_S)
        return {"kB a job": (resident(worker) - before) / count / 1024}


def wait_until(worker: Running, claim: Callable[[], bool]) -> None:
    """Wait for a condition; raises Unmeasured when it does not come."""
    give_up = time.monotonic() + PATIENCE_S
    while not claim():
        worker.check()
        if time.monotonic() > give_up:
            raise Unmeasured(f"the jobs did not run within {PATIENCE_S:g} s")
        time.sleep(LOOK_S)
