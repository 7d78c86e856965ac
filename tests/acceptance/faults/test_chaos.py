"""Row 16: everything at once, from a seed that is printed; FAULTS_SEED repeats a run."""

from __future__ import annotations

import os
import random
import secrets
import time

from tests.model.entities import FINAL_EVENT
from tests.support.deployment import Json
from tests.support.faults.chaos import Chaos
from tests.support.faults.clients import RandomClients
from tests.support.faults.report import NewRow
from tests.support.faults.rig import ProxiedRig, Rig
from tests.support.faults.scale import pick

#: The errors with which a job of each task may fail; any job may lose its workers too often.
CODES = {
    "faults.broken": {"faults.broken", "worker-lost"},
    "faults.memory": {"resource.memory", "worker-lost"},
    "faults.flaky": {"faults.flaky", "worker-lost"},
}
NEVER_WELL = frozenset({"faults.broken", "faults.kill_child", "faults.memory"})


def test_nothing_is_lost_in_chaos(proxied: ProxiedRig, new_row: NewRow) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(10**6))
    seconds, count = pick((300, 2000), (30, 300))
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    row = new_row("16", f"chaos: {seconds} s of all of these at random")
    row.note = f"seed {seed}"
    chaos = Chaos(proxied, random.Random(seed))  # noqa: S311 - plays again what it played
    clients = RandomClients(proxied, random.Random(seed + 1), count, seconds)  # noqa: S311
    before = proxied.known_jobs()
    clients.start()
    chaos.run(seconds)
    print(" ".join(chaos.done))  # noqa: T201
    proxied.make_whole()
    clients.finish(pick(120, 60))
    start = time.monotonic()
    proxied.conclude(row, clients.tasks, pick(180, 60))
    row.recovered_s.append(time.monotonic() - start)
    row.note += (
        f", {len(chaos.done)} faults, {len(clients.cancelled)} cancels, {len(clients.retried)} retries"
    )
    assert row.lost == 0
    assert len(clients.tasks) == count + len(clients.retried)
    assert proxied.audit() == []
    row.extra_starts = 0
    # Jobs that no client knows come from a retry whose answer was lost.
    for job in proxied.known_jobs() - before:
        found, events = proxied.read(job), proxied.stream(job)
        assert (events[0], events[-1]) == ("job.created", FINAL_EVENT[found["state"]]), (job, events)
        assert job not in clients.tasks or find_wrong(proxied, clients, found) == "", job
        row.extra_starts += proxied.extra_starts([job], events.count("job.started"))
    assert row.extra_starts == 0, "a start that the ledger does not know"


def find_wrong(rig: Rig, clients: RandomClients, job: Json) -> str:
    """Return why a job must not end like this; empty when it may."""
    task, state, code = clients.tasks[job["id"]], job["state"], (job["error"] or {}).get("code")
    if state == "SUCCESS" and task not in NEVER_WELL and rig.evidence.ends(job["id"]):
        return ""
    if state == "REVOKED" and (job["id"] in clients.cancelled or code == "expired"):
        return ""
    if state == "FAILURE" and code in CODES.get(task, {"worker-lost"}) and not gave_up_early(job):
        return ""
    return f"{task} ended in {state} {code} after attempt {job['attempt']} of {job['max_attempts']}"


def gave_up_early(job: Json) -> bool:
    """Return whether a job failed as lost while it had attempts left."""
    return bool(job["error"]["code"] == "worker-lost" and job["attempt"] < job["max_attempts"])
