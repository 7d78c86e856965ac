"""Row 16: everything at once, from a seed that is printed; FAULTS_SEED plays it again."""

from __future__ import annotations

import os
import random
import secrets
import time

from tests.acceptance.faults.chaos import Chaos, Crowd
from tests.acceptance.faults.conftest import NewRow
from tests.acceptance.faults.ledger import find_faults
from tests.acceptance.faults.stage import Stage, pick, wait_until


def test_nothing_is_lost_in_chaos(stage: Stage, new_row: NewRow) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(10**6))
    seconds, count = pick((300, 2000), (15, 200))
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    row = new_row("16", f"chaos: {seconds} s of all of these at random")
    row.note = f"seed {seed}"
    chaos = Chaos(stage, random.Random(seed))  # noqa: S311 - plays again what it played
    crowd = Crowd(stage, random.Random(seed + 1), count, seconds)  # noqa: S311
    crowd.start()
    chaos.run(seconds)
    print(" ".join(chaos.done))  # noqa: T201
    stage.redis.start()
    stage.ensure_workers(2)
    crowd.finish(pick(120, 60))
    start = time.monotonic()
    jobs = list(crowd.accepted.values())
    stage.conclude(row, jobs, pick(180, 60))
    row.recovered_s.append(time.monotonic() - start)
    row.extra_starts = 0
    row.note += f", {len(chaos.done)} faults, {len(crowd.cancelled)} cancels"
    assert row.lost == 0
    assert len(set(jobs)) == count
    check_final_states(stage, crowd)
    with stage.raw() as ledger:
        assert find_faults(ledger) == []
        wait_until(lambda: not ledger.zcard("jl:leases"), 5, "no lease is left")
        assert [key for key in ledger.scan_iter("jl:wait:*") if ledger.zcard(key)] == []
        assert [key for key in ledger.scan_iter("jl:due:*") if ledger.zcard(key)] == []


def check_final_states(stage: Stage, crowd: Crowd) -> None:
    """Hold each job's end against what it was asked to do, and its starts against its attempts."""
    starts = stage.evidence.notes("start")
    wrong: list[tuple[object, ...]] = []
    for number, (task, body) in enumerate(crowd.orders):
        job = crowd.accepted[f"chaos-{number}"]
        found = stage.read(job)
        code = (found["error"] or {}).get("code")
        legal = {
            "faults.broken": {"faults.broken", "worker-lost"},
            "faults.kill_child": {"worker-lost"},
            "faults.memory": {"resource.memory", "worker-lost"},
            "faults.flaky": {"faults.flaky", "worker-lost"},
        }.get(task, {"worker-lost"})
        if found["state"] == "FAILURE" and code not in legal:
            wrong.append((job, task, found["state"], code))
        if (
            found["state"] == "FAILURE"
            and code == "worker-lost"
            and found["attempt"] != found["max_attempts"]
        ):
            wrong.append((job, task, "gave up early", found["attempt"]))
        if found["state"] == "REVOKED" and job not in crowd.cancelled and code != "expired":
            wrong.append((job, task, found["state"], code))
        if found["state"] == "SUCCESS" and task in {"faults.broken", "faults.kill_child", "faults.memory"}:
            wrong.append((job, task, found["state"], code))
        # A planned stop gives an attempt back, so its number may be used twice.
        released = sum(b'"released":true' in event.encode() for event in events_of(stage, job))
        if len(starts.get(job, ())) > found["attempt"] + released:
            wrong.append((job, task, "starts", len(starts[job]), found["attempt"], released))
        if found["state"] == "SUCCESS" and not stage.evidence.ends(job):
            wrong.append((job, task, "SUCCESS without an end"))
        assert body
    assert wrong == []


def events_of(stage: Stage, job: str) -> list[str]:
    """Read a job's history."""
    with stage.raw() as ledger:
        found: list[str] = ledger.lrange(f"jl:events:{job}", 0, -1)
    return found
