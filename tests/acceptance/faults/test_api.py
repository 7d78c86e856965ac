"""Row 8: an API that is killed under load, and clients that try again with their Idempotency-Key."""

from __future__ import annotations

import time

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import pick
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.stage import Stage
from tests.acceptance.processes import wait_until


def test_a_key_makes_one_job_however_often_the_api_dies(stage: Stage, new_row: NewRow) -> None:
    row = new_row("8", "kill -9 of the API 10x under POST load with Idempotency-Key")
    before = stage.known_jobs()
    with Load(stage, threads=4, insist=True, pause_s=0.0) as load:
        for _ in range(pick(10, 2)):
            count = load.statuses["POST 202"]
            wait_until(lambda: load.statuses["POST 202"] >= count + 20, 15, "submits are accepted")  # noqa: B023
            stage.kill_api()
            start = time.monotonic()
            stage.restart_api()
            row.recovered_s.append(time.monotonic() - start)
    stage.conclude(row, load.jobs, 60)
    assert all(len(jobs) == 1 for jobs in load.accepted.values())
    # Every key was answered in the end, so what is here beside their jobs was made twice or by half.
    assert stage.known_jobs() - before == set(load.jobs)
    with stage.raw() as ledger:
        keys = [ledger.get(key) or "" for key in ledger.scan_iter("jl:idem:*", count=1000)]
    assert {key.split(" ")[1] for key in keys} >= set(load.jobs)
    assert stage.states(load.jobs) == {"SUCCESS": row.jobs}
    assert row.extra_starts == 0
