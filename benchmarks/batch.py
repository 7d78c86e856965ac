"""Batches: jobs accepted a second, 100 in each request."""

from __future__ import annotations

import http.client
import json

from benchmarks.lab import Lab, Outcome, Row, Unmeasured, measure, port
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
        probe(listening, body)
        post([url], body, WARM_UP_S)
        found = post([url], body, lab.seconds)
        return {"jobs/s": found.per_s * EACH, "requests/s": found.per_s, "p99 ms": found.p99_ms}


def probe(listening: int, body: str) -> None:
    """Post one batch; raises Unmeasured, with the answer, when it is refused."""
    client = http.client.HTTPConnection("127.0.0.1", listening, timeout=10)
    client.request("POST", "/v1/batches", body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    text = answer.read()
    if answer.status == http.client.NOT_FOUND:
        raise Unmeasured("this version has no POST /v1/batches")
    if answer.status != http.client.ACCEPTED:
        raise Unmeasured(f"status {answer.status}: {text[:200].decode()}")
