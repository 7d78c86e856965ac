"""Compare the whole ledger with the model; no key may be left over."""

from __future__ import annotations

from typing import Any

from jobline.ledger.keys import Key
from tests.model.comparison.dump import members, scores, strings
from tests.model.comparison.queues import check_limits, check_queue, check_workers
from tests.model.comparison.records import check_batches, check_files, check_jobs
from tests.model.entities import Batch, Job
from tests.model.rules import Model
from tests.support.ledger import start_of


def compare_ledger(model: Model, dump: dict[str, Any]) -> None:
    """Compare the whole ledger with the model."""
    found = dict(dump)
    found.pop(Key.VERSION.of(), None)
    jobs = model.jobs.values()
    check_jobs(model, found)
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
    for name in [one for one in found if one.startswith(Key.GONE.of(""))]:
        _, tenant = found.pop(name)[0].decode().split(" ")
        assert tenant == model.gone[name.removeprefix(Key.GONE.of(""))]
    for (minute, queue), count in model.ended.items():
        assert dict(strings(found.get(Key.ENDED.of(str(minute)), []))).get(queue, "0") == str(count)
    for name in [one for one in found if one.startswith(Key.ENDED.of(""))]:
        del found[name]
    found.pop(Key.FEED.of(), None)  # read as clients do
    assert set(found) == set(), "keys that nobody owns"


def check_indexes(model: Model, found: dict[str, Any]) -> None:
    """Compare indexes, tags, queues, keys and start-by with the model."""
    jobs = list(model.jobs.values())
    indexes = {name: found.pop(name) for name in list(found) if name.startswith(start_of(Key.INDEX))}
    placed = {(name, one) for name, line in indexes.items() for one in scores(line)}
    assert placed == {
        (Key.INDEX.of(one.state, f"{one.tenant}:{one.task}:{one.queue}"), one.id) for one in jobs
    }
    named = {
        Key.INDEX.of(*one.decode().split(":", 1))
        for tenant in ("one", "two")
        for one in found.pop(Key.INDEXES.of(tenant), [])
    }
    assert set(indexes) <= named
    tags = {name: found.pop(name) for name in list(found) if name.startswith(start_of(Key.TAG_INDEX))}
    assert {(name, one, stamp) for name, line in tags.items() for one, stamp in scores(line).items()} == {
        (Key.TAG_INDEX.of(one.state, f"{one.tenant}:{one.task}:{one.queue}", tag), one.id, one.stamp)
        for one in jobs
        for tag in one.tags
    }
    depths = {queue: int(depth) for queue, depth in strings(found.pop(Key.QUEUES.of(), []))}
    assert depths == {queue: model.depth(queue) for queue in model.counted}
    submitted: list[Job | Batch] = [*jobs, *model.batches.values()]
    keys = {one.idem: f"{one.fingerprint} {one.id}" for one in submitted if one.idem}
    assert {name: found.pop(Key.IDEMPOTENCY.of(name))[0].decode() for name in keys} == keys
    pending = {
        one.id for one in jobs if one.start_by is not None and one.state == "PENDING" and not one.attempt
    }
    assert pending >= {
        one for one in scores(found.pop(Key.START_BY.of(), [])) if model.jobs[one].state == "PENDING"
    }
