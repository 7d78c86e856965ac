"""Row 8: an API that is killed under load, and clients that retry with their Idempotency-Key."""

from __future__ import annotations

import time

from jobline.ledger.keys import Key
from tests.support.faults.load import Load
from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import pick
from tests.support.waiting import wait_until


def test_a_key_makes_one_job_however_often_the_api_dies(rig: Rig, new_row: NewRow) -> None:
    row = new_row("8", "kill -9 of the API 10x under POST load with Idempotency-Key")
    before = rig.known_jobs()
    with Load(rig, threads=4, insist=True, pause_s=0.0) as load:
        for _ in range(pick(10, 2)):
            count = load.statuses["POST 202"]
            wait_until(lambda: load.statuses["POST 202"] >= count + 20, 15, "submits are accepted")  # noqa: B023
            rig.kill_api()
            start = time.monotonic()
            rig.restart_api()
            row.recovered_s.append(time.monotonic() - start)
    rig.conclude(row, load.jobs, 60)
    assert all(len(jobs) == 1 for jobs in load.accepted.values())
    # Every key was answered in the end, so any other job was created twice or only in part.
    assert rig.known_jobs() - before == set(load.jobs)
    with rig.raw() as ledger:
        keys = [ledger.get(key) or "" for key in ledger.scan_iter(Key.IDEMPOTENCY.of("*"), count=1000)]
    assert {key.split(" ")[1] for key in keys} >= set(load.jobs)
    assert rig.states(load.jobs) == {"SUCCESS": row.jobs}
    assert row.extra_starts == 0
