"""Coroutines: ``async def`` jobs that wait, many at once in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.lab import Lab, Outcome, Row, measure, peer
from benchmarks.worker import Crew, by_keys, coroutine_pools, crew, drain, filled, left_in

NAPPING = 20_000


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
