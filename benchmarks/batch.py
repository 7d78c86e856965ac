"""Batches: jobs accepted a second, 100 in each request."""

from __future__ import annotations

import json

from benchmarks.lab import Lab, Outcome, Row, measure, port
from benchmarks.load import post
from benchmarks.submit import JOBLINE, WARM_UP_S

EACH = 100


def run(lab: Lab) -> list[Outcome]:
    """Measure."""
    return measure(lab, [Row("Jobline", lambda: own(lab))])


def own(lab: Lab) -> dict[str, float]:
    """Post batches; refused where this version has none."""
    listening = port()
    body = json.dumps({"jobs": [{"task": "bench.noop", "input": {"n": n}} for n in range(EACH)]})
    url = f"http://127.0.0.1:{listening}/v1/batches"
    with lab.process((*JOBLINE, "api", "--port", str(listening))) as api:
        api.wait_for_port(listening)
        post([url], body, WARM_UP_S)
        found = post([url], body, lab.seconds)
        return {"jobs/s": found.per_s * EACH, "requests/s": found.per_s, "p99 ms": found.p99_ms}
