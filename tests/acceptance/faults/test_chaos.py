"""Row 16: everything at once, from a seed that is printed; FAULTS_SEED plays it again."""

from __future__ import annotations

import os
import random
import secrets
import time

from tests.acceptance.faults.chaos import Chaos
from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.crowd import Crowd
from tests.acceptance.faults.form import pick
from tests.acceptance.faults.stage import FarStage, Stage
from tests.acceptance.house import Json
from tests.model.nouns import FINAL_EVENT

#: The errors with which a job of each task may fail; any may lose its workers too often.
CODES = {
    "faults.broken": {"faults.broken", "worker-lost"},
    "faults.memory": {"resource.memory", "worker-lost"},
    "faults.flaky": {"faults.flaky", "worker-lost"},
}
NEVER_WELL = frozenset({"faults.broken", "faults.kill_child", "faults.memory"})


def test_nothing_is_lost_in_chaos(far: FarStage, new_row: NewRow) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(10**6))
    seconds, count = pick((300, 2000), (30, 300))
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    row = new_row("16", f"chaos: {seconds} s of all of these at random")
    row.note = f"seed {seed}"
    chaos = Chaos(far, random.Random(seed))  # noqa: S311 - plays again what it played
    crowd = Crowd(far, random.Random(seed + 1), count, seconds)  # noqa: S311
    before = far.known_jobs()
    crowd.start()
    chaos.run(seconds)
    print(" ".join(chaos.done))  # noqa: T201
    far.make_whole()
    crowd.finish(pick(120, 60))
    start = time.monotonic()
    far.conclude(row, crowd.tasks, pick(180, 60))
    row.recovered_s.append(time.monotonic() - start)
    row.extra_starts = sum(far.extra_starts([job], attempts_of(far, job)) for job in crowd.tasks)
    row.note += f", {len(chaos.done)} faults, {len(crowd.cancelled)} cancels, {len(crowd.retried)} retries"
    assert row.lost == 0
    assert len(crowd.tasks) == count + len(crowd.retried)
    assert row.extra_starts == 0, "a start that neither an attempt nor a planned stop accounts for"
    assert {job: why for job in crowd.tasks if (why := find_wrong(far, crowd, job))} == {}
    assert far.audit() == []
    # Those that no client knows are of a retry whose answer was lost.
    for job in far.known_jobs() - before:
        kinds = far.stream(job)
        assert (kinds[0], kinds[-1]) == ("job.created", FINAL_EVENT[far.read(job)["state"]]), job


def find_wrong(stage: Stage, crowd: Crowd, job: str) -> str:
    """Say how the end of a job is none that it may have; nothing when all is well."""
    task, found = crowd.tasks[job], stage.read(job)
    state, code = found["state"], (found["error"] or {}).get("code")
    if state == "SUCCESS" and task not in NEVER_WELL and stage.evidence.ends(job):
        return ""
    if state == "REVOKED" and (job in crowd.cancelled or code == "expired"):
        return ""
    if state == "FAILURE" and code in CODES.get(task, {"worker-lost"}) and not gave_up_early(found):
        return ""
    return f"{task} ended in {state} {code} after attempt {found['attempt']} of {found['max_attempts']}"


def gave_up_early(job: Json) -> bool:
    """Claim that a job was called lost while it had attempts left."""
    return bool(job["error"]["code"] == "worker-lost" and job["attempt"] < job["max_attempts"])


def attempts_of(stage: Stage, job: str) -> int:
    """Count the starts that a job may have: one a number, and one for each that a planned stop gave back."""
    with stage.raw() as ledger:
        events = ledger.lrange(f"jl:events:{job}", 0, -1)
    return int(stage.read(job)["attempt"]) + sum('"released":true' in event for event in events)
