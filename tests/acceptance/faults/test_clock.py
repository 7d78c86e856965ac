"""Row 15: a worker whose clock is wrong."""

from __future__ import annotations

import time

from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.form import LEASE_S
from tests.acceptance.faults.stage import CLOCK_AHEAD, Stage


def test_a_clock_ten_minutes_ahead_changes_nothing(stage: Stage, new_row: NewRow) -> None:
    row = new_row("15", "clock of one worker 10 min ahead")
    stage.kill_worker(stage.workers[-1])
    ahead = stage.add_worker(PYTHONPATH=CLOCK_AHEAD)
    before = time.time()
    delay_s = 4
    due = [stage.submit("faults.work", delay_s=delay_s) for _ in range(4)]
    asked = time.monotonic()
    jobs = [stage.submit("faults.work", {"seconds": LEASE_S + 1}) for _ in range(4)]
    flaky = [stage.submit("faults.flaky", {"fails": 2}) for _ in range(4)]
    every = [*due, *jobs, *flaky]
    stage.conclude(row, every, 2 * LEASE_S + 10)
    row.extra_starts = stage.extra_starts([*due, *jobs]) + stage.extra_starts(flaky, planned=3)
    assert set(stage.count_starts([*due, *jobs]).values()) == {1}
    assert set(stage.count_starts(flaky).values()) == {3}
    assert stage.states(every) == {"SUCCESS": row.jobs}
    pids = set(ahead.children())
    ran = [job for job in every if pids & {one.pid for one in stage.evidence.starts(job)}]
    assert ran, "the worker with the wrong clock took part"
    with stage.raw() as ledger:
        for job in every:
            record = ledger.hgetall(f"jl:job:{job}")
            for name in ("started", "finished"):
                assert before - 2 < int(record[name]) / 1000 < time.time() + 2, (name, record[name])
    assert min(stage.evidence.starts(job)[0].at - asked for job in due) >= delay_s - 0.5
    stage.kill_worker(ahead)
