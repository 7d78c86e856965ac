"""Hold what the ledger stores against what the model says."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from jobs import commands
from jobs.keys import Key
from jobs.record import Record
from tests.model.nouns import FINAL_EVENT, Batch, Job
from tests.model.rules import Model

#: Reads the whole ledger in one call.
DUMP = """
local found = {}
for _, key in ipairs(redis.call('KEYS', 'jl:*')) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'string' then value = { redis.call('GET', key) }
  else value = {} end
  found[#found + 1] = { key, value }
end
return found
"""


def compare_record(model: Model, record: Record) -> None:
    """Hold what a client reads against the model."""
    job = model.jobs[record.id]
    got = (
        record.state.value,
        record.tenant,
        record.queue,
        record.priority,
        record.attempt,
        record.max_attempts,
        record.cancel_requested,
        record.tags,
        record.stamp,
        record.error.code if record.error else None,
        record.batch_id,
        record.retry_of,
        record.answered,
    )
    wanted = (
        job.state,
        job.tenant,
        job.queue,
        job.priority,
        job.attempt,
        job.max_attempts,
        job.cancel,
        job.tags,
        job.stamp,
        job.code,
        job.batch,
        job.retry_of,
        job.answered,
    )
    assert got == wanted


def compare_batch(wanted: Batch, got: commands.Batch) -> None:
    """Hold a batch as a client reads it against the model."""
    counts = {state.value: count for state, count in got.counts.items() if count}
    assert counts == {state: count for state, count in wanted.counts.items() if count}
    assert (got.id, got.tenant, got.stamp, got.total, got.tags) == (
        wanted.id, wanted.tenant, wanted.stamp, wanted.total, wanted.tags,
    )  # fmt: skip


def compare_ledger(model: Model, dump: dict[str, Any]) -> None:
    """Hold the whole ledger against the model."""
    found = dict(dump)
    jobs = model.jobs.values()
    for job in jobs:
        record = dict(strings(found.pop(Key.JOB.of(job.id))))
        check_events(job, record, found.pop(Key.EVENTS.of(job.id), []))
        check_record(job, record)
        if job.artifacts:
            assert dict(strings(found.pop(Key.ARTIFACTS.of(job.id)))) == job.artifacts
    check_limits(model, found)
    for queue in ("left", "right"):
        check_queue(model, queue, found)
    assert members(found.pop(Key.PAUSED.of(), [])) == model.paused
    assert scores(found.pop(Key.LEASES.of(), [])) == {
        one.id: one.lease for one in jobs if one.lease is not None
    }
    assert scores(found.pop(Key.FINISHED.of(), [])) == {
        one.id: one.forget_at for one in jobs if one.forget_at is not None
    }
    check_indexes(model, found)
    check_batches(model, found)
    check_files(model, found)
    check_workers(model, found)
    assert int(found.pop(Key.CLOCK.of(), [b"0"])[0]) == model.clock
    for name in [one for one in found if one.startswith("jl:gone:")]:
        assert found.pop(name)[0].decode() == model.gone[name.removeprefix("jl:gone:")]
    for (minute, queue), count in model.ended.items():
        assert dict(strings(found.get(Key.ENDED.of(str(minute)), []))).get(queue, "0") == str(count)
    for name in [one for one in found if one.startswith("jl:ended:")]:
        del found[name]
    found.pop(Key.FEED.of(), None)  # read as clients do
    assert set(found) == set(), "keys that nobody owns"


def check_events(job: Job, record: dict[str, str], stored: list[bytes]) -> None:
    """Hold a history against the model."""
    lines = [line.decode() for line in stored]
    for line in lines:
        json.loads(line.split(" ", 2)[2])
    assert read_history(record, lines) == job.events


def read_history(record: dict[str, str], lines: list[str]) -> list[str]:
    """Put a job's history together: its milestones, and the lines between; rising, as their ids say."""
    milestones = {
        "born": "job.created",
        "began": "job.started",
        "ended": FINAL_EVENT.get(record["state"], ""),
    }
    stood = {name: f"{record[name]} {kind}" for name, kind in milestones.items() if name in record}
    end = [stood.pop("ended")] if "ended" in stood else []
    told = [line.split(" ") for line in (*stood.values(), *lines, *end)]
    ids = [tuple(map(int, words[0].split("-"))) for words in told]
    assert ids == sorted(set(ids)), "events out of order"
    return [words[1] for words in told]


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


def check_record(job: Job, got: dict[str, str]) -> None:
    """Hold a record's own fields against the model."""
    for name in ("born", "began", "ended"):
        got.pop(name, None)
    if "error" in got:
        got["error"] = json.loads(got["error"])["code"]
    got["watchers"] = " ".join(sorted(got.get("watchers", "").split()))
    wanted: dict[str, object] = {
        "state": job.state,
        "place": f"{job.tenant}:{job.task}:{job.queue}",
        "stamp": job.stamp,
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "timeout_ms": 1000,
        "input": "{}",
        "watchers": " ".join(sorted(job.watchers)),
    }
    optional = {
        "run_at": job.run_at,
        "start_by": job.start_by,
        "idem": job.idem or None,
        "owner": job.owner,
        "files": " ".join(job.files) or None,
        "started": job.started,
        "finished": job.finished,
        "error": job.code,
        "progress": job.progress,
        "cancel": 1 if job.cancel else None,
        "result": '{"ok":1}' if job.state == "SUCCESS" else None,
        "tags": json.dumps(job.tags) if job.tags else None,
        "batch": job.batch,
        "retry_of": job.retry_of,
        "retried_as": job.retried_as,
        "held": job.held or None,
        "answered": 1 if job.answered else None,
    }
    wanted |= {name: value for name, value in optional.items() if value is not None}
    counters = {"attempt": job.attempt, "fence": job.fence}
    assert {name: int(got.pop(name, "0")) for name in counters} == counters
    assert got == {name: str(value) for name, value in wanted.items()}


def check_indexes(model: Model, found: dict[str, Any]) -> None:
    """Hold shelves, tags, queues, keys and start-by against the model."""
    jobs = list(model.jobs.values())
    shelves = {name: found.pop(name) for name in list(found) if name.startswith("jl:shelf:")}
    placed = {(name, one) for name, line in shelves.items() for one in scores(line)}
    assert placed == {
        (Key.SHELF.of(one.state, f"{one.tenant}:{one.task}:{one.queue}"), one.id) for one in jobs
    }
    named = {
        Key.SHELF.of(*one.decode().split(":", 1))
        for tenant in ("one", "two")
        for one in found.pop(Key.SHELVES.of(tenant), [])
    }
    assert set(shelves) <= named
    tags = {name: found.pop(name) for name in list(found) if name.startswith("jl:tag:")}
    assert {(name, one, stamp) for name, line in tags.items() for one, stamp in scores(line).items()} == {
        (Key.TAG.of(one.state, f"{one.tenant}:{one.task}:{one.queue}", tag), one.id, one.stamp)
        for one in jobs
        for tag in one.tags
    }
    depths = {queue: int(depth) for queue, depth in strings(found.pop(Key.QUEUES.of(), []))}
    assert depths == {queue: model.depth(queue) for queue in model.counted}
    told: list[Job | Batch] = [*jobs, *model.batches.values()]
    keys = {one.idem: f"{one.fingerprint} {one.id}" for one in told if one.idem}
    assert {name: found.pop(Key.IDEMPOTENCY.of(name))[0].decode() for name in keys} == keys
    pending = {
        one.id for one in jobs if one.start_by is not None and one.state == "PENDING" and not one.attempt
    }
    assert pending >= {
        one for one in scores(found.pop(Key.START_BY.of(), [])) if model.jobs[one].state == "PENDING"
    }


def check_batches(model: Model, found: dict[str, Any]) -> None:
    """Hold the batches against the model."""
    for batch in model.batches.values():
        got = dict(strings(found.pop(Key.BATCH.of(batch.id))))
        counts = {state: int(got.pop(state)) for state in list(got) if state.isupper()}
        assert {state: count for state, count in counts.items() if count} == {
            state: count for state, count in batch.counts.items() if count
        }
        kept = sum(one.batch == batch.id for one in model.jobs.values())
        wanted = {
            "tenant": batch.tenant,
            "stamp": str(batch.stamp),
            "total": str(batch.total),
            "kept": str(kept),
        }
        wanted |= {"tags": json.dumps(batch.tags)} | ({"idem": batch.idem} if batch.idem else {})
        assert got == wanted


def check_workers(model: Model, found: dict[str, Any]) -> None:
    """Hold heartbeats, wishes to cancel, and the last tick against the model."""
    assert scores(found.pop(Key.WORKERS.of(), [])) == model.beats
    for owner in ("w1", "w2"):
        assert members(found.pop(Key.CANCELS.of(owner), [])) == model.cancels.get(owner, set())
        found.pop(Key.WORKER.of(owner), None)
    assert dict(strings(found.pop(Key.TICK.of(), []))).get("hold", "0") == str(model.hold)


def check_files(model: Model, found: dict[str, Any]) -> None:
    """Hold the files against the model."""
    files = model.files
    assert scores(found.pop(Key.FILES.of(), [])) == {
        name: file.expires for name, file in files.items() if file.expires is not None
    }
    for name, file in files.items():
        got = dict(strings(found.pop(Key.FILE.of(name))))
        assert (got["tenant"], int(got.get("refs", "0")), got.get("job")) == (
            file.tenant,
            file.refs,
            file.job,
        )
    assert members(found.pop(Key.TRASH.of(), [])) == model.trash


def members(flat: list[bytes]) -> set[str]:
    """Read a set."""
    return {one.decode() for one in flat}


def strings(flat: list[bytes]) -> list[tuple[str, str]]:
    """Read a flat list of pairs."""
    return [(flat[index].decode(), flat[index + 1].decode()) for index in range(0, len(flat), 2)]


def scores(flat: list[bytes]) -> dict[str, int]:
    """Read a sorted set."""
    return {name: int(float(score)) for name, score in strings(flat)}
