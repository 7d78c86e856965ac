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
    row.note += f", {len(chaos.done)} faults, {len(crowd.cancelled)} cancels, {len(crowd.retried)} retries"
    assert row.lost == 0
    assert len(crowd.tasks) == count + len(crowd.retried)
    assert far.audit() == []
    row.extra_starts = 0
    # Those that no client knows are of a retry whose answer was lost.
    for job in far.known_jobs() - before:
        found, events = far.read(job), far.stream(job)
        assert (events[0], events[-1]) == ("job.created", FINAL_EVENT[found["state"]]), (job, events)
        assert job not in crowd.tasks or find_wrong(far, crowd, found) == "", job
        row.extra_starts += far.extra_starts([job], events.count("job.started"))
    assert row.extra_starts == 0, "a start that the ledger does not know"


def find_wrong(stage: Stage, crowd: Crowd, job: Json) -> str:
    """Say how the end of a job is none that it may have; nothing when all is well."""
    task, state, code = crowd.tasks[job["id"]], job["state"], (job["error"] or {}).get("code")
    if state == "SUCCESS" and task not in NEVER_WELL and stage.evidence.ends(job["id"]):
        return ""
    if state == "REVOKED" and (job["id"] in crowd.cancelled or code == "expired"):
        return ""
    if state == "FAILURE" and code in CODES.get(task, {"worker-lost"}) and not gave_up_early(job):
        return ""
    return f"{task} ended in {state} {code} after attempt {job['attempt']} of {job['max_attempts']}"


def gave_up_early(job: Json) -> bool:
    """Claim that a job was called lost while it had attempts left."""
    return bool(job["error"]["code"] == "worker-lost" and job["attempt"] < job["max_attempts"])
