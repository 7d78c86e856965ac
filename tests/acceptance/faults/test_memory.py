"""Row 18: the memory of the worker's parent does not grow with the number of jobs."""

from __future__ import annotations

import itertools
from pathlib import Path

from jobline.domain.submission import Submission
from jobline.ledger import commands
from jobline.ledger.connect import Connector
from jobline.ledger.keys import Key
from jobline.ledger.recorder import Recorder
from tests.support.faults.report import NewRow
from tests.support.faults.rig import Rig
from tests.support.faults.scale import pick
from tests.support.waiting import wait_until

JOBS = pick(100_000, 10_000)
WARM = JOBS // 5
#: Allowed growth over four fifths of all jobs: noise of the allocator, and not one word for each job.
GROWTH_KB = 1_536


def test_memory_of_the_workers_parent_is_flat(tmp_path: Path, new_row: NewRow) -> None:
    row = new_row("18", f"none: memory of the worker's parent over {JOBS:,} jobs")
    numbers = itertools.count()

    def submit(count: int) -> None:
        for number in itertools.islice(numbers, count):
            order = Submission(
                id=f"flat-{number:06}", tenant="public", task="faults.nothing", queue="default",
                input=b'{"seconds":0}', max_attempts=3, timeout_ms=60_000,
            )  # fmt: skip
            recorder.run(commands.submitting.submit(order, queue_limit=JOBS))

    def is_settled(count: int) -> bool:
        with rig.raw() as ledger:
            return bool(ledger.zcard(Key.FINISHED.of()) == count)

    # A rig of its own, so that the audits of other rows do not read these jobs too.
    with Rig(tmp_path) as rig:
        recorder = Recorder(Connector(rig.redis.url))
        submit(WARM)
        wait_until(lambda: is_settled(WARM), 300, "the worker is warm")
        warm = [one.rss_kb() for one in rig.workers]
        submit(JOBS - WARM)
        wait_until(lambda: is_settled(JOBS), 900, "all jobs ended")
        grown = [one.rss_kb() - then for one, then in zip(rig.workers, warm, strict=True)]
        recorder.close()
    row.jobs = JOBS
    row.note = f"grown by {max(grown):,} kB from {max(warm):,} kB"
    assert max(grown) <= GROWTH_KB, row.note
