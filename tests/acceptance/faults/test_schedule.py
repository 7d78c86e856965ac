"""Row 12: jobs that are due later, over the death of everything that could remember them."""

from __future__ import annotations

import time

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import hold, pick
from tests.acceptance.faults.stage import Stage

JOBS = 20
LATE_S = 2.0


def test_due_jobs_outlive_workers_and_redis(stage: Stage, new_row: NewRow) -> None:
    row = new_row("12", "20 jobs due at +25 s, workers and Redis killed at +8 s")
    delay_s, kill_after_s = pick((25.0, 8.0), (8.0, 1.0))
    due: dict[str, float] = {}
    for _ in range(JOBS):
        before = time.monotonic()
        due[stage.submit("faults.work", delay_s=delay_s)] = before + delay_s
    hold(kill_after_s)
    stage.redis.kill()
    stage.ensure_workers(0)
    stage.redis.start()
    stage.ensure_workers(2)
    stage.conclude(row, due, delay_s + 10)
    late = [stage.evidence.starts(job)[0].at - moment for job, moment in due.items()]
    row.recovered_s.append(max(late))
    row.note = f"earliest {min(late):+.2f} s, latest {max(late):+.2f} s"
    assert set(stage.count_starts(due).values()) == {1}
    assert stage.states(due) == {"SUCCESS": JOBS}
    assert min(late) >= -0.1
    assert max(late) <= LATE_S


def test_the_only_job_of_a_queue_is_retried(stage: Stage, new_row: NewRow) -> None:
    row = new_row("12b", "none: the only job of its queue fails after some ticks, and is due again later")
    job = stage.submit("faults.flaky", {"seconds": 2.5, "fails": 1})
    stage.conclude(row, [job], 15, planned=2)
    assert stage.read(job)["state"] == "SUCCESS"
    assert len(stage.evidence.starts(job)) == 2
