"""Compare what is stored of each job, batch and file with the model."""

from __future__ import annotations

import json
from typing import Any

from jobline.ledger.keys import Key
from tests.model.comparison.dump import members, scores, strings
from tests.model.entities import FINAL_EVENT, Job
from tests.model.rules import Model


def check_jobs(model: Model, found: dict[str, Any]) -> None:
    """Compare records, histories and artifacts with the model."""
    for job in model.jobs.values():
        record = dict(strings(found.pop(Key.JOB.of(job.id))))
        check_events(job, record, found.pop(Key.EVENTS.of(job.id), []))
        check_record(job, record)
        if job.artifacts:
            assert dict(strings(found.pop(Key.ARTIFACTS.of(job.id)))) == job.artifacts


def check_events(job: Job, record: dict[str, str], stored: list[bytes]) -> None:
    """Compare a history with the model."""
    lines = [line.decode() for line in stored]
    for line in lines:
        json.loads(line.split(" ", 2)[2])
    assert read_history(record, lines) == job.events


def read_history(record: dict[str, str], lines: list[str]) -> list[str]:
    """Return a job's history: its milestones, and the lines between, in the order of their ids."""
    milestones = {
        "created_event": "job.created",
        "started_event": "job.started",
        "ended_event": FINAL_EVENT.get(record["state"], ""),
    }
    stood = {name: f"{record[name]} {kind}" for name, kind in milestones.items() if name in record}
    end = [stood.pop("ended_event")] if "ended_event" in stood else []
    events = [line.split(" ") for line in (*stood.values(), *lines, *end)]
    ids = [tuple(map(int, words[0].split("-"))) for words in events]
    assert ids == sorted(set(ids)), "events out of order"
    return [words[1] for words in events]


def check_record(job: Job, got: dict[str, str]) -> None:
    """Compare the fields of a record with the model."""
    for name in ("created_event", "started_event", "ended_event"):
        got.pop(name, None)
    if "error" in got:
        got["error"] = json.loads(got["error"])["code"]
    got["subscribers"] = " ".join(sorted(got.get("subscribers", "").split()))
    wanted: dict[str, object] = {
        "state": job.state,
        "partition": f"{job.tenant}:{job.task}:{job.queue}",
        "stamp": job.stamp,
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "timeout_ms": 1000,
        "input": "{}",
        "subscribers": " ".join(sorted(job.subscribers)),
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
        "permits": " ".join(job.permits) or None,
        "answered": 1 if job.answered else None,
    }
    wanted |= {name: value for name, value in optional.items() if value is not None}
    counters = {"attempt": job.attempt, "fence": job.fence}
    assert {name: int(got.pop(name, "0")) for name in counters} == counters
    assert got == {name: str(value) for name, value in wanted.items()}


def check_batches(model: Model, found: dict[str, Any]) -> None:
    """Compare the batches with the model."""
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


def check_files(model: Model, found: dict[str, Any]) -> None:
    """Compare the files with the model."""
    files = model.files
    assert (
        scores(found.pop(Key.FILES.of(), []))
        == {name: file.expires for name, file in files.items() if file.expires is not None} | model.reserved
    )
    for name, file in files.items():
        got = dict(strings(found.pop(Key.FILE.of(name))))
        assert (got["tenant"], int(got.get("refs", "0")), got.get("job")) == (
            file.tenant,
            file.refs,
            file.job,
        )
    assert members(found.pop(Key.TRASH.of(), [])) == model.trash
