"""Row 8: an API that is killed under load, and clients that try again with their Idempotency-Key."""

from __future__ import annotations

import time

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.ledger import find_faults
from tests.acceptance.faults.load import Load
from tests.acceptance.faults.stage import Stage, pick, wait_until


def test_a_key_makes_one_job_however_often_the_api_dies(stage: Stage, new_row: NewRow) -> None:
    row = new_row("8", "kill -9 of the API 10x under POST load with Idempotency-Key")
    with Load(stage, threads=4, insist=True, pause_s=0.0) as load:
        for _ in range(pick(10, 2)):
            count = load.statuses["POST 202"]
            wait_until(lambda: load.statuses["POST 202"] >= count + 20, 15, "submits are accepted")  # noqa: B023
            stage.kill_api()
            start = time.monotonic()
            stage.start_api()
            row.recovered_s.append(time.monotonic() - start)
    stage.wait_final(load.jobs, 60)
    row.jobs = len(load.accepted)
    with stage.raw() as ledger:
        made = {job for job in load.jobs if ledger.exists(f"jl:job:{job}")}
        keys = list(ledger.scan_iter("jl:idem:*", count=1000))
        assert find_faults(ledger) == []
        waiting = [key for key in ledger.scan_iter("jl:wait:*") if ledger.zcard(key)]
    row.extra_starts = stage.extra_starts(load.jobs)
    assert all(len(jobs) == 1 for jobs in load.accepted.values())
    assert made == set(load.jobs)
    assert len(keys) >= row.jobs
    assert waiting == []
    assert stage.states(load.jobs) == {"SUCCESS": row.jobs}
    assert row.extra_starts == 0
