"""Hold what waits and what runs against the model: queues, limits, leases, workers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jobline.ledger.keys import Key
from tests.model.comparison.dump import members, scores, strings
from tests.model.rules import Model


def check_queue(model: Model, queue: str, found: dict[str, Any]) -> None:
    """Hold what waits in a queue against the model: no tenant may wait in vain."""
    for tenant in ("one", "two"):
        line = [name for name, _ in strings(found.pop(Key.WAITING.of(queue, tenant), []))]
        assert line == [job.id for job in model.line(queue, tenant)]
    rota = {name for name, _ in strings(found.pop(Key.ROTA.of(queue), []))}
    barred = {tenant for tenant, queues in model.barred.items() if queue in queues}
    assert {job.tenant for job in model.waiting(queue)} <= rota | barred, "a tenant waits and has no turn"
    due = {job.id: job.due for job in model.jobs.values() if job.queue == queue and job.due is not None}
    assert scores(found.pop(Key.DUE.of(queue), [])) == due
    assert len(found.pop(Key.WAKE.of(queue), [])) == model.wake.get(queue, 0)


def check_limits(model: Model, found: dict[str, Any]) -> None:
    """Hold counts of running jobs, parked jobs and barred tenants against the model, and each other."""
    jobs = list(model.jobs.values())
    for task, lines in model.served.items():
        assert {name for name, _ in strings(found.pop(Key.PARKED_ROTA.of(task), []))} == set(lines)
        for line in lines:
            ids = [name for name, _ in strings(found.pop(Key.PARKED.of(task, *line.split(":")), []))]
            assert ids == [job.id for job in model.parked(task, line)]
            assert not ids or model.tasks_running[task], "jobs are parked and nobody will hand on to them"
    for key, counts, mark in (
        (Key.TASKS_RUNNING, model.tasks_running, "k"),
        (Key.TENANTS_RUNNING, model.tenants_running, "t"),
    ):
        held = Counter(one.task if mark == "k" else one.tenant for one in jobs if mark in one.held)
        stored = {name: int(count) for name, count in strings(found.pop(key.of(), []))}
        assert stored == counts == held
    assert read_barred(found) == model.barred
    for tenant in model.barred:
        assert model.tenants_running[tenant], "a tenant is barred and nobody will let it in again"
        del found[Key.BARRED.of(tenant)]


def read_barred(found: dict[str, Any]) -> dict[str, set[str]]:
    """Read in which queues which tenants are barred."""
    head = Key.BARRED.of("")
    return {name.removeprefix(head): members(found[name]) for name in found if name.startswith(head)}


def check_workers(model: Model, found: dict[str, Any]) -> None:
    """Hold heartbeats, wishes to cancel, and the last tick against the model."""
    assert scores(found.pop(Key.WORKERS.of(), [])) == model.beats
    for owner in ("w1", "w2"):
        assert members(found.pop(Key.CANCELS.of(owner), [])) == model.cancels.get(owner, set())
        found.pop(Key.WORKER.of(owner), None)
    assert dict(strings(found.pop(Key.TICK.of(), []))).get("hold", "0") == str(model.hold)
