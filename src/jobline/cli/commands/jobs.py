"""Commands that show jobs and tasks, or cancel, retry or delete a job: one request and its answer."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from jobline.cli.client import Json, open_client
from jobline.cli.commands.watch import message
from jobline.cli.options import DEFAULT_URL, AsJson, JobId, Url, print_json, print_table, report
from jobline.domain.state import State


def list_tasks(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the tasks on offer with the fields of their inputs; * marks required ones."""
    with open_client(url) as api:
        answer = api.tasks()
    if as_json:
        print_json(answer)
        return
    rows = [(item["name"], item.get("queue"), fields(item), item.get("summary")) for item in answer["items"]]
    print_table(("TASK", "QUEUE", "INPUT", "SUMMARY"), rows)


def get(job_id: JobId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show one job."""
    with open_client(url) as api:
        job = api.job(job_id)
    if as_json:
        print_json(job)
        return
    print_table(
        ("FIELD", "VALUE"), [(name, value) for name, value in job.items() if value not in (None, [], "")]
    )


def list_jobs(
    state: Annotated[State | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    task: Annotated[str | None, typer.Option("--task", help="Only jobs of this task.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", help="Only jobs of this queue.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only jobs with this tag.")] = None,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="The next page, as the page before names it.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=200, help="Maximum number of jobs to list.")
    ] = 50,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    filters: dict[str, str | int] = {"limit": limit}
    given = {"state": state, "task": task, "queue": queue, "tag": tag, "cursor": cursor}
    filters.update((name, value) for name, value in given.items() if value)
    with open_client(url) as api:
        answer = api.jobs(filters)
    if as_json:
        print_json(answer)
        return
    rows = [
        (job["id"], job["task"], job["state"], job.get("queue"), when(job.get("created_at")), message(job))
        for job in answer["items"]
    ]
    print_table(("ID", "TASK", "STATE", "QUEUE", "CREATED", "PROGRESS"), rows)
    if after := answer.get("next_cursor"):
        report(f"more: the same command with --cursor {after}")


def cancel(job_id: JobId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Cancel a job; a running one stops within the cancel grace time."""
    with open_client(url) as api:
        job = api.cancel(job_id)
    if as_json:
        print_json(job)
    elif job["state"] == State.REVOKED:
        report(f"{job_id} REVOKED")
    else:
        report(f"{job_id} {job['state']}, asked to stop: jobline watch {job_id}")


def retry(job_id: JobId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Submit a failed or revoked job once more, as a new job; print its id."""
    with open_client(url) as api:
        job = api.retry(job_id)
    if as_json:
        print_json(job)
    else:
        sys.stdout.write(f"{job['id']}\n")


def delete(job_id: JobId, url: Url = DEFAULT_URL) -> None:
    """Delete a finished job and its artifacts."""
    with open_client(url) as api:
        api.delete(job_id)
    report(f"{job_id} is deleted")


def fields(item: Json) -> str:
    """Return the fields of a task's input; a star marks required ones."""
    schema = item.get("input_schema") or {}
    required = schema.get("required", ())
    return " ".join(f"{name}*" if name in required else name for name in schema.get("properties", {}))


def when(moment: str | None) -> str:
    """Return a time of the API to the second; on a terminal, how long ago that was, which is short."""
    if moment is None:
        return ""
    if not sys.stdout.isatty():
        return f"{moment[:10]} {moment[11:19]}"
    return age((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def age(seconds: float) -> str:
    """Return a span of time in its largest unit."""
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds // length_s:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
