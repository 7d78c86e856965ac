"""Submit over HTTP: how many requests a second one process takes, nothing being worked off meanwhile."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress

import redis

from benchmarks.lab import Lab, Outcome, Row, Running, Unmeasured, measure, peer, port
from benchmarks.load import post
from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.keys import DEFAULT_LAYOUT
from jobline.ledger.scripts import scripts_of

BODY = '{"n": 1}'
OWN_BODY = '{"input": {"n": 1}}'
OWN_PATH = "/v1/tasks/bench.noop/jobs"
WARM_UP_S = 1.0
#: Requests a second that the better half of the rows can take: there, all are asked for the same.
STEADY = 2_000
#: Of these, a row must answer so many for its latency to count.
KEPT_UP = 0.85
JOBLINE = (sys.executable, "-m", "jobline.cli")
UVICORN = (
    "-m",
    "uvicorn",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--no-access-log",
    "--log-level",
    "warning",
)
#: Commands in one pipeline, as the service gathers them at most.
PIPELINE = 128


def run(lab: Lab) -> list[Outcome]:
    """Measure submit."""
    main, older = peer(), peer("old-redis")

    def serve(
        commands_: Sequence[Sequence[str]],
        path: str,
        body: str = BODY,
        environment: Mapping[str, str] | None = None,
        ports: Sequence[int] = (),
    ) -> dict[str, float]:
        return load(lab, commands_, path, body, environment or {}, ports)

    def own(count: int) -> dict[str, float]:
        ports = [port() for _ in range(count)]
        return serve(
            [(*JOBLINE, "api", "--port", str(one)) for one in ports], OWN_PATH, OWN_BODY, ports=ports
        )

    def asgi(app: str, path: str = "/jobs", python: str = main) -> dict[str, float]:
        free = port()
        return serve([(python, *UVICORN, "--port", str(free), app)], path, ports=[free])

    def flask(workers: int) -> dict[str, float]:
        free = port()
        command = (main, "-m", "gunicorn", "-w", str(workers), "-b", f"127.0.0.1:{free}", "flask_peer:app")
        return serve([command], "/jobs", ports=[free])

    def flower(path: str) -> dict[str, float]:
        free = port()
        command = (main, "-m", "celery", "-A", "celery_peer", "flower", f"--port={free}", "--logging=error")
        return serve([command], path, '{"args": [1]}', {"FLOWER_UNAUTHENTICATED_API": "true"}, ports=[free])

    bare = "no record of the job except the message: an unknown id is PENDING; no idempotency, no index"
    rows = [
        Row("Jobline", lambda: own(1)),
        Row("Jobline, 2 processes", lambda: own(2)),
        Row("Flask + delay(), gunicorn sync", lambda: flask(1), f"no validation; {bare}"),
        Row("Flask + delay(), gunicorn sync, 2 processes", lambda: flask(2), f"no validation; {bare}"),
        Row("FastAPI def + delay()", lambda: asgi("fastapi_peer:app", "/def"), bare),
        Row(
            "FastAPI async def + delay()",
            lambda: asgi("fastapi_peer:app", "/async"),
            f"blocks its loop; {bare}",
        ),
        Row(
            "Flower async-apply", lambda: flower("/api/task/async-apply/bench.noop"), f"no validation; {bare}"
        ),
        Row("Flower send-task", lambda: flower("/api/task/send-task/bench.noop"), f"no validation; {bare}"),
        Row("FastAPI + arq", lambda: asgi("arq_peer:app", python=older), "no index"),
        Row(
            "FastAPI + taskiq (list)",
            lambda: asgi("taskiq_peer:app"),
            "no record, no index; a list without acknowledgement",
        ),
        Row("FastAPI + SAQ", lambda: asgi("saq_peer:app", python=older), "no idempotency by key, no index"),
        Row("FastAPI + Dramatiq", lambda: asgi("dramatiq_peer:app"), "no record of a state, no index"),
        Row("FastAPI + RQ", lambda: asgi("rq_peer:app"), "no idempotency by key"),
        Row(
            "FastAPI + Huey",
            lambda: asgi("huey_peer:app"),
            "no record, no index; a list without acknowledgement",
        ),
        Row("limit: raw ASGI on uvicorn", lambda: asgi("limits:raw"), "no routing, no validation, no Redis"),
        Row("limit: a bare FastAPI route with validation", lambda: asgi("limits:app"), "no Redis"),
        Row("limit: a FastAPI route with one INCR", lambda: asgi("limits:app", "/redis"), "stores nothing"),
        Row("limit: the submit script, one client", lambda: script(lab, 1), "no HTTP"),
        Row("limit: the submit script, pipelined", lambda: script(lab, PIPELINE), "no HTTP"),
    ]
    return measure(lab, rows)


def load(
    lab: Lab,
    programs: Sequence[Sequence[str]],
    path: str,
    body: str,
    environment: Mapping[str, str],
    ports: Sequence[int],
) -> dict[str, float]:
    """Start the programs, post to them, and say what it came to."""
    with ExitStack() as stack:
        running: list[Running] = []
        for program, listening in zip(programs, ports, strict=True):
            one = stack.enter_context(lab.process(program, environment))
            one.wait_for_port(listening)
            running.append(one)
        urls = [f"http://127.0.0.1:{listening}{path}" for listening in ports]
        with suppress(Unmeasured):  # slow to start is no reason yet
            post(urls, body, WARM_UP_S)
        before = sum(one.cpu_s() for one in running)
        found = post(urls, body, lab.seconds)
        used_s = sum(one.cpu_s() for one in running) - before
        figures = {
            "requests/s": found.per_s,
            "p50 ms": found.p50_ms,
            "p99 ms": found.p99_ms,
            "CPU µs": used_s / found.requests * 1e6,
        }
        if found.per_s > STEADY:
            steady = post(urls, body, lab.seconds, per_s=STEADY)
            if steady.per_s > STEADY * KEPT_UP:
                figures |= {
                    f"p50 ms at {STEADY:,}/s": steady.p50_ms,
                    f"p99 ms at {STEADY:,}/s": steady.p99_ms,
                }
        return figures


def script(lab: Lab, pipelined: int) -> dict[str, float]:
    """Call the submit script from one client, so many calls in one pipeline."""
    client = redis.Redis.from_url(lab.url)
    command = commands.submitting.submit(order("0"), queue_limit=1_000_000)
    client.script_load(scripts_of(DEFAULT_LAYOUT)[command.script].text)
    batches = [
        [
            commands.submitting.submit(order(f"{batch}-{n}"), queue_limit=1_000_000).args
            for n in range(pipelined)
        ]
        for batch in range(lab.scaled(20_000) // pipelined)
    ]
    began = time.perf_counter()
    for batch in batches:
        pipe = client.pipeline(transaction=False)
        for args in batch:
            pipe.evalsha(scripts_of(DEFAULT_LAYOUT)[command.script].sha, 0, *args)
        pipe.execute()
    return {"requests/s": len(batches) * pipelined / (time.perf_counter() - began)}


def order(id: str) -> Submission:
    """Make one submission of the no-op."""
    return Submission(
        id=id,
        tenant="public",
        task="bench.noop",
        queue="default",
        input=b'{"n":1}',
        max_attempts=1,
        timeout_ms=60_000,
    )
