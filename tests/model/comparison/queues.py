"""Compare what waits and what runs with the model: queues, limits, leases, workers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jobline.ledger.keys import Key
from tests.model.comparison.dump import members, scores, strings
from tests.model.rules import Model


def check_queue(model: Model, queue: str, found: dict[str, Any]) -> None:
    """Compare what waits in a queue with the model: each waiting tenant is in the rotation."""
    for tenant in ("one", "two"):
        line = [name for name, _ in strings(found.pop(Key.WAITING.of(queue, tenant), []))]
        assert line == [job.id for job in model.waiting_of(queue, tenant)]
    rotation = {name for name, _ in strings(found.pop(Key.ROTATION.of(queue), []))}
    at_limit = {tenant for tenant, queues in model.at_limit.items() if queue in queues}
    assert {job.tenant for job in model.waiting(queue)} <= rotation | at_limit, (
        "a tenant waits outside the rotation"
    )
    due = {job.id: job.due for job in model.jobs.values() if job.queue == queue and job.due is not None}
    assert scores(found.pop(Key.DUE.of(queue), [])) == due
    assert len(found.pop(Key.WAKE.of(queue), [])) == model.wake.get(queue, 0)


def check_limits(model: Model, found: dict[str, Any]) -> None:
    """Compare running jobs, blocked jobs and tenants at their limit with the model, and with each other."""
    jobs = list(model.jobs.values())
    for task, lines in model.served.items():
        assert {name for name, _ in strings(found.pop(Key.BLOCKED_ROTATION.of(task), []))} == set(lines)
        for line in lines:
            ids = [name for name, _ in strings(found.pop(Key.BLOCKED.of(task, *line.split(":")), []))]
            assert ids == [job.id for job in model.blocked(task, line)]
            assert not ids or model.tasks_running[task] or task in model.unserved, (
                "jobs are blocked and nobody will hand on to them"
            )
    assert members(found.pop(Key.UNSERVED.of(), [])) == model.unserved
    for key, counts, name in (
        (Key.TASKS_RUNNING, model.tasks_running, "task"),
        (Key.TENANTS_RUNNING, model.tenants_running, "tenant"),
    ):
        permits = Counter(getattr(one, name) for one in jobs if name in one.permits)
        stored = {one: int(count) for one, count in strings(found.pop(key.of(), []))}
        assert stored == counts == permits
    assert read_at_limit(found) == model.at_limit
    for tenant in model.at_limit:
        assert model.tenants_running[tenant], "a tenant left the rotation and nobody will let it in again"
        del found[Key.AT_LIMIT.of(tenant)]


def read_at_limit(found: dict[str, Any]) -> dict[str, set[str]]:
    """Read in which queues which tenants are at their limit."""
    head = Key.AT_LIMIT.of("")
    return {name.removeprefix(head): members(found[name]) for name in found if name.startswith(head)}


def check_workers(model: Model, found: dict[str, Any]) -> None:
    """Compare heartbeats, cancel requests and the last tick with the model."""
    assert scores(found.pop(Key.WORKERS.of(), [])) == model.beats
    for owner in ("w1", "w2"):
        assert members(found.pop(Key.CANCELS.of(owner), [])) == model.cancels.get(owner, set())
        found.pop(Key.WORKER.of(owner), None)
    assert dict(strings(found.pop(Key.TICK.of(), []))).get("rescue_after", "0") == str(model.rescue_after)
