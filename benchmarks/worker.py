"""Workers: how many waiting no-op jobs a second they work off."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from benchmarks.lab import Lab, Outcome, Row, Unmeasured, drive, measure, peer
from benchmarks.submit import JOBLINE, PIPELINE
from jobline.cli.supervision.engine import Pool
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.keys import DEFAULT_LAYOUT, Key
from jobline.ledger.scripts import scripts_of

WAITING = 20_000
LOOK_S = 0.01
#: A slow row is stopped after this long; what it did until then counts.
LONGEST_S = 30.0
FIRST_S = 30.0
#: Keys that are no results: queues, bindings, heartbeats of a worker.
FEW = 20


@dataclass(frozen=True)
class Crew:
    """Say how one product's workers are filled, started and watched."""

    fill: Callable[[int], None]
    programs: Sequence[Sequence[str]]
    #: How many jobs have ended; cheap to ask.
    ended: Callable[[int], int]
    environment: Mapping[str, str] = field(default_factory=dict)


def run(lab: Lab) -> list[Outcome]:
    """Measure plain no-op jobs, two processes."""
    main, older = peer(), peer("old-redis")
    celery = (main, "-m", "celery", "-A", "celery_peer", "worker", "--loglevel", "error")
    lean = ("--without-mingle", "--without-gossip", "--without-heartbeat")

    def stock(*options: str, late: bool = False, programs: int = 1) -> dict[str, float]:
        commands_ = [(*celery, "-n", f"w{number}@%h", *options) for number in range(programs)]
        environment = {"BENCH_CELERY": "late" if late else ""}
        return drain(lab, Crew(filled(lab, main, "celery_peer"), commands_, by_keys(lab), environment))

    def huey() -> dict[str, float]:
        program = (main, "-m", "huey.bin.huey_consumer", "huey_peer.huey", "-k", "process", "-w", "2", "-q")
        return drain(
            lab,
            Crew(
                filled(lab, main, "huey_peer"), [program], lambda _: int(lab.redis.hlen("huey.results.bench"))
            ),
        )

    def dramatiq() -> dict[str, float]:
        program = (main, "-m", "dramatiq", "dramatiq_peer", "-p", "2", "-t", "8")
        return drain(
            lab,
            Crew(
                filled(lab, main, "dramatiq_peer"), [program], left_in(lab, "hlen", "dramatiq:default.msgs")
            ),
        )

    def rq(kind: str) -> dict[str, float]:
        program = (main, "-m", "rq.cli", "worker", "bench", "--url", lab.url, "-w", kind, "--quiet")
        return drain(
            lab,
            Crew(
                filled(lab, main, "rq_peer"),
                [program] * 2,
                lambda _: int(lab.redis.zcard("rq:finished:bench")),
            ),
        )

    def arqs() -> dict[str, float]:
        program = (older, "-m", "arq", "arq_peer.WorkerSettings")
        return drain(
            lab, Crew(filled(lab, older, "arq_peer"), [program] * 2, left_in(lab, "zcard", "arq:queue"))
        )

    def taskiq(kind: str) -> dict[str, float]:
        program = (
            main,
            "-m",
            "taskiq",
            "worker",
            "taskiq_peer:broker",
            "--workers",
            "2",
            "--log-level",
            "ERROR",
        )
        fill = filled(lab, main, "taskiq_peer", environment={"BENCH_TASKIQ": kind})
        return drain(lab, Crew(fill, [program], by_keys(lab), {"BENCH_TASKIQ": kind}))

    def saq() -> dict[str, float]:
        program = (older, "-m", "saq", "saq_peer.settings", "--workers", "2")
        return drain(
            lab,
            Crew(filled(lab, older, "saq_peer"), [program], left_in(lab, "zcard", "saq:default:incomplete")),
        )

    def own(*options: str, programs: int = 1, task: str = "bench.noop") -> dict[str, float]:
        return drain(lab, crew(lab, *options, programs=programs, task=task))

    acknowledged = "no lease: jobs of a dead worker come back after an hour; no record"
    rows = [
        Row("Jobline, prefork 2", lambda: own("--concurrency", "2")),
        Row("Jobline, solo x 2", lambda: own("--pool", "solo", programs=2), "a job cannot be killed"),
        *(
            Row(f"Jobline, {name}", partial(own, *options), "a job cannot be killed")
            for name, options in light_pools()
        ),
        *(
            Row(
                f"Jobline, {name}, async def",
                partial(own, *options, task="bench.anoop"),
                "a job cannot be killed",
            )
            for name, options in light_pools()
        ),
        Row("Celery prefork 2, late ack + started", lambda: stock("-c", "2", "-E", late=True), acknowledged),
        Row("Celery prefork 2, default", lambda: stock("-c", "2"), f"early acknowledgement; {acknowledged}"),
        Row(
            "Celery prefork 2, tuned",
            lambda: stock("-c", "2", "--prefetch-multiplier", "64", *lean),
            f"early acknowledgement; {acknowledged}",
        ),
        Row(
            "Celery solo x 2",
            lambda: stock("-P", "solo", *lean, programs=2),
            f"early acknowledgement; {acknowledged}",
        ),
        Row("RQ x 2", lambda: rq("rq.worker.Worker"), "one process for each job"),
        Row("RQ SimpleWorker x 2", lambda: rq("rq.worker.SimpleWorker"), "not one process for each job"),
        Row("arq x 2, tuned", arqs, "asynchronous functions"),
        Row("SAQ x 2", saq, "asynchronous functions"),
        Row("taskiq list x 2", lambda: taskiq("list"), "no acknowledgement; asynchronous functions"),
        Row("taskiq stream x 2", lambda: taskiq("stream"), "no record; asynchronous functions"),
        Row("Dramatiq x 2", dramatiq, "no result, no record"),
        Row("Huey x 2", huey, "no acknowledgement, no record"),
    ]
    return measure(lab, rows)


def light_pools() -> list[tuple[str, tuple[str, ...]]]:
    """Name what this version's `jobline worker` offers for short plain jobs."""
    if "light" not in list(Pool):
        return []
    light = ("--pool", "light")
    return [("light", light), ("light x 2", (*light, "--processes", "2"))]


def coroutine_pools() -> list[tuple[str, tuple[str, ...]]]:
    """Name the pools for coroutines that it offers."""
    return [(name, ("--pool", name)) for name in ("light", "threads") if name in list(Pool)]


def crew(lab: Lab, *options: str, programs: int = 1, task: str = "bench.noop") -> Crew:
    """Make Jobline's crew."""
    command = (*JOBLINE, "worker", "--loglevel", "error", *options)
    return Crew(
        fill=lambda count: fill(lab, task, count),
        programs=[command] * programs,
        ended=lambda _: int(lab.redis.zcard(Key.FINISHED.of())),
    )


def fill(lab: Lab, task: str, count: int, first: int = 0) -> None:
    """Submit by the script, pipelined."""
    for start in range(first, first + count, PIPELINE):
        pipe = lab.redis.pipeline(transaction=False)
        for number in range(start, min(start + PIPELINE, first + count)):
            order = Submission(
                id=f"00000000-0000-7000-8000-{number:012x}",
                tenant="public",
                task=task,
                queue="default",
                input=b'{"n":1}',
                max_attempts=1,
                timeout_ms=60_000,
            )
            command = commands.submitting.submit(order, queue_limit=10_000_000)
            if start == first and number == first:
                lab.redis.script_load(scripts_of(DEFAULT_LAYOUT)[command.script].text)
            pipe.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *command.args)
        pipe.execute()


def filled(
    lab: Lab, python: str, module: str, task: str = "noop", environment: Mapping[str, str] | None = None
) -> Callable[[int], None]:
    """Fill a peer's queue by its own means."""

    def fill_peer(count: int) -> None:
        drive(lab, python, [module, "fill", task, str(count)], environment)

    return fill_peer


def by_keys(lab: Lab) -> Callable[[int], int]:
    """Count results by the number of keys: each result is one, all others together are fewer than FEW."""

    def ended(_: int) -> int:
        return max(0, int(lab.redis.dbsize()) - FEW)

    return ended


def left_in(lab: Lab, verb: str, key: str) -> Callable[[int], int]:
    """Count what has left a key that holds every unfinished job."""

    def ended(count: int) -> int:
        return count - int(getattr(lab.redis, verb)(key))

    return ended


def drain(lab: Lab, crew: Crew, waiting: int = WAITING) -> dict[str, float]:
    """Fill, start the crew, and say how fast the jobs end, from the first on."""
    count = lab.scaled(waiting)
    crew.fill(count)
    with ExitStack() as stack:
        running = [stack.enter_context(lab.process(program, crew.environment)) for program in crew.programs]

        def look() -> int:
            for one in running:
                one.check()
            return crew.ended(count)

        at_start = first = look()
        patience = time.monotonic() + FIRST_S
        while (first := look()) <= at_start:
            if time.monotonic() > patience:
                raise Unmeasured(f"no job ended within {FIRST_S:g} s")
            time.sleep(LOOK_S)
        began, used_s = time.monotonic(), sum(one.cpu_s() for one in running)
        last = first
        while last < count - FEW and time.monotonic() < began + LONGEST_S:
            time.sleep(LOOK_S)
            last = look()
        took_s = time.monotonic() - began
        used_s = sum(one.cpu_s() for one in running) - used_s
        if last <= first:
            raise Unmeasured("all jobs had ended before they could be watched")
        return {"jobs/s": (last - first) / took_s, "CPU µs": used_s / (last - first) * 1e6}
