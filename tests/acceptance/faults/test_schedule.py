"""Row 12: jobs that are due later, over the death of everything that could remember them."""

from __future__ import annotations

import time

from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import hold, pick

JOBS = 20
LATE_S = 2.0


def test_due_jobs_outlive_workers_and_redis(rig: Rig, new_row: NewRow) -> None:
    row = new_row("12", "20 jobs due at +25 s, workers and Redis killed at +8 s")
    delay_s, kill_after_s = pick((25.0, 8.0), (8.0, 1.0))
    due: dict[str, float] = {}
    for _ in range(JOBS):
        before = time.monotonic()
        due[rig.submit("faults.work", delay_s=delay_s)] = before + delay_s
    hold(kill_after_s)
    rig.redis.kill()
    rig.ensure_workers(0)
    rig.redis.start()
    rig.ensure_workers(2)
    rig.conclude(row, due, delay_s + 10)
    late = [rig.evidence.starts(job)[0].at - moment for job, moment in due.items()]
    row.recovered_s.append(max(late))
    row.note = f"earliest {min(late):+.2f} s, latest {max(late):+.2f} s"
    assert set(rig.count_starts(due).values()) == {1}
    assert rig.states(due) == {"SUCCESS": JOBS}
    assert min(late) >= -0.1
    assert max(late) <= LATE_S


def test_the_only_job_of_a_queue_is_retried(rig: Rig, new_row: NewRow) -> None:
    row = new_row("12b", "none: the only job of its queue fails after some ticks, and is due again later")
    job = rig.submit("faults.flaky", {"seconds": 2.5, "fails": 1})
    rig.conclude(row, [job], 15, planned=2)
    assert rig.read(job)["state"] == "SUCCESS"
    assert len(rig.evidence.starts(job)) == 2
