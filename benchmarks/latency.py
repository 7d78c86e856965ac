"""Latency of an idle system: one client, submit to result, one after the other."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from benchmarks.lab import Lab, Outcome, Row, Unmeasured, ask, measure, peer, port
from benchmarks.load import percentile
from benchmarks.submit import BODY, JOBLINE, OWN_BODY, UVICORN
from benchmarks.worker import coroutine_pools

ASKED = 300
#: For a row that takes a tenth of a second or more each.
ASKED_SLOW = 30
WARM_UP = 20
READY_S = 20.0
POLL_S = 0.1
JSON = {"Content-Type": "application/json"}


def run(lab: Lab) -> list[Outcome]:
    """Measure."""
    main, older = peer(), peer("old-redis")
    celery = (main, "-m", "celery", "-A", "celery_peer", "worker", "--loglevel", "error", "-c", "2")

    def others(
        module: str,
        program: Sequence[str],
        python: str = main,
        environment: Mapping[str, str] | None = None,
        count: int = ASKED,
    ) -> dict[str, float]:
        return of_peer(lab, module, program, python, environment or {}, count)

    rows = [
        Row("Jobline, prefork", lambda: own(lab, ("--concurrency", "2"), "bench.noop")),
        Row("Jobline, solo", lambda: own(lab, ("--pool", "solo"), "bench.noop"), "a job cannot be killed"),
        *(
            Row(
                f"Jobline, async def, {name}",
                partial(own, lab, (*options, "--concurrency", "100"), "bench.anoop"),
            )
            for name, options in coroutine_pools()
        ),
        Row("FastAPI with one INCR", lambda: bare(lab), "runs no job: the minimum for HTTP and Redis"),
        Row("Celery delay().get(), prefork", lambda: others("celery_peer", celery), "no HTTP"),
        Row("Celery delay().get(), solo", lambda: others("celery_peer", (*celery, "-P", "solo")), "no HTTP"),
        Row("Flask + delay(), polled each 100 ms", lambda: polled(lab, main, celery)),
        Row(
            "arq, tuned",
            lambda: others("arq_peer", (older, "-m", "arq", "arq_peer.WorkerSettings"), older),
            "no HTTP; worker and client poll every 10 ms",
        ),
        Row(
            "taskiq (list)",
            lambda: others(
                "taskiq_peer", (main, "-m", "taskiq", "worker", "taskiq_peer:broker", "--workers", "1")
            ),
            "no HTTP; the client polls every 10 ms",
        ),
        Row(
            "SAQ apply",
            lambda: others("saq_peer", (older, "-m", "saq", "saq_peer.settings"), older, count=ASKED_SLOW),
            "no HTTP",
        ),
        Row(
            "Dramatiq",
            lambda: others(
                "dramatiq_peer",
                (main, "-m", "dramatiq", "dramatiq_peer", "-p", "1", "-t", "2"),
                environment={"BENCH_DRAMATIQ": "results"},
            ),
            "no HTTP",
        ),
        Row(
            "RQ",
            lambda: others(
                "rq_peer",
                (main, "-m", "rq.cli", "worker", "bench", "--url", lab.url, "--quiet"),
                count=ASKED_SLOW,
            ),
            "no HTTP",
        ),
        Row(
            "Huey",
            lambda: others(
                "huey_peer",
                (main, "-m", "huey.bin.huey_consumer", "huey_peer.huey", "-k", "process", "-w", "1"),
            ),
            "no HTTP; the client polls every 10 ms",
        ),
    ]
    return measure(lab, rows)


def own(lab: Lab, options: Sequence[str], task: str) -> dict[str, float]:
    """Post with ``Prefer: wait=5``."""
    listening = port()
    with ExitStack() as stack:
        worker = stack.enter_context(lab.process((*JOBLINE, "worker", "--loglevel", "error", *options)))
        api = stack.enter_context(lab.process((*JOBLINE, "api", "--port", str(listening))))
        api.wait_for_port(listening)
        client = http.client.HTTPConnection("127.0.0.1", listening, timeout=10)
        give_up = time.monotonic() + READY_S
        while exchange(client, "GET", "/health/ready")[0] != http.client.OK:
            worker.check()
            if time.monotonic() > give_up:
                raise Unmeasured("it did not become ready")
            time.sleep(0.05)
        path = f"/v1/tasks/{task}/jobs"

        def once() -> None:
            status, answer = exchange(client, "POST", path, OWN_BODY, {**JSON, "Prefer": "wait=5"})
            if status != http.client.OK:
                raise Unmeasured(f"status {status}: {answer[:200]!r}")

        return timed(once, lab.scaled(ASKED))


def bare(lab: Lab) -> dict[str, float]:
    """Post to a route that asks Redis once."""
    listening = port()
    with lab.process((peer(), *UVICORN, "--port", str(listening), "limits:app")) as api:
        api.wait_for_port(listening)
        client = http.client.HTTPConnection("127.0.0.1", listening, timeout=10)
        return timed(lambda: exchange(client, "POST", "/redis", BODY, JSON), lab.scaled(ASKED))


def polled(lab: Lab, python: str, worker: Sequence[str]) -> dict[str, float]:
    """Post, and ask for the state each 100 ms."""
    listening = port()
    gunicorn = (python, "-m", "gunicorn", "-b", f"127.0.0.1:{listening}", "flask_peer:app")
    with lab.process(worker), lab.process(gunicorn) as api:
        api.wait_for_port(listening)

        def once() -> None:
            client = http.client.HTTPConnection(
                "127.0.0.1", listening, timeout=10
            )  # gunicorn sync closes each
            job_id = json.loads(exchange(client, "POST", "/jobs", BODY, JSON)[1])["id"]
            while json.loads(exchange(client, "GET", f"/jobs/{job_id}")[1])["state"] != "SUCCESS":
                time.sleep(POLL_S)

        return timed(once, ASKED_SLOW)


def of_peer(
    lab: Lab, module: str, program: Sequence[str], python: str, environment: Mapping[str, str], count: int
) -> dict[str, float]:
    """Let a peer submit and wait by its own means."""
    with lab.process(program, environment) as worker:
        time.sleep(3)  # to start; a first job that comes earlier only waits, and is warmed up away
        worker.check()
        return figures(ask(lab, python, module, count, environment))


def exchange(
    client: http.client.HTTPConnection,
    verb: str,
    path: str,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Send one request and read its answer."""
    client.request(verb, path, body, dict(headers or {}))
    answer = client.getresponse()
    return answer.status, answer.read()


def timed(once: Callable[[], object], count: int) -> dict[str, float]:
    """Do it again and again."""
    seconds = []
    for _ in range(WARM_UP + count):
        began = time.perf_counter()
        once()
        seconds.append(time.perf_counter() - began)
    return figures(seconds[WARM_UP:])


def figures(seconds: Sequence[float]) -> dict[str, float]:
    """Give the percentiles in milliseconds."""
    ordered = sorted(seconds)
    return {"p50 ms": percentile(ordered, 50) * 1000, "p99 ms": percentile(ordered, 99) * 1000}
