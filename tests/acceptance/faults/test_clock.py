"""Row 15: a worker whose clock is wrong."""

from __future__ import annotations

import time

from jobline.ledger.keys import Key
from tests.support.faults.report import NewRow
from tests.support.faults.rig import CLOCK_AHEAD, Rig
from tests.support.faults.scale import LEASE_S


def test_a_clock_ten_minutes_ahead_changes_nothing(rig: Rig, new_row: NewRow) -> None:
    row = new_row("15", "clock of one worker 10 min ahead")
    rig.kill_worker(rig.workers[-1])
    ahead = rig.add_worker(PYTHONPATH=CLOCK_AHEAD)
    before = time.time()
    delay_s = 4
    due = [rig.submit("faults.work", delay_s=delay_s) for _ in range(4)]
    asked = time.monotonic()
    jobs = [rig.submit("faults.work", {"seconds": LEASE_S + 1}) for _ in range(4)]
    flaky = [rig.submit("faults.flaky", {"fails": 2}) for _ in range(4)]
    every = [*due, *jobs, *flaky]
    rig.conclude(row, every, 2 * LEASE_S + 10)
    row.extra_starts = rig.extra_starts([*due, *jobs]) + rig.extra_starts(flaky, planned=3)
    assert set(rig.count_starts([*due, *jobs]).values()) == {1}
    assert set(rig.count_starts(flaky).values()) == {3}
    assert rig.states(every) == {"SUCCESS": row.jobs}
    pids = set(ahead.children())
    ran = [job for job in every if pids & {one.pid for one in rig.evidence.starts(job)}]
    assert ran, "the worker with the wrong clock took part"
    with rig.raw() as ledger:
        for job in every:
            record = ledger.hgetall(Key.JOB.of(job))
            for name in ("started", "finished"):
                assert before - 2 < int(record[name]) / 1000 < time.time() + 2, (name, record[name])
    assert min(rig.evidence.starts(job)[0].at - asked for job in due) >= delay_s - 0.5
    rig.kill_worker(ahead)
