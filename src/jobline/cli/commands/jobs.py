"""Commands that show jobs and tasks, cancel a job or download its artifacts: one request and its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.client import ApiClient, ApiError, Json, open_client
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
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=200, help="Maximum number of jobs to list.")
    ] = 50,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    filters: dict[str, str | int] = {"limit": limit}
    filters.update((name, value) for name, value in {"state": state, "task": task}.items() if value)
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


def download(
    job_id: JobId,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the artifact. Default: all.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File, or directory for several. Default: this folder."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Download the artifacts of a job, and check their SHA-256."""
    with open_client(url) as api:
        items = api.artifacts(job_id)["items"]
        wanted = [item for item in items if name in (None, item["name"])]
        if not wanted:
            names = ", ".join(item["name"] for item in items) or "none"
            raise ApiError(f"the job has no artifact {name or ''}; it has: {names}".replace("  ", " "))
        for item, path in zip(wanted, destinations(wanted, output), strict=True):
            fetch(api, job_id, item, path)
            report(f"{path} {item['size_bytes']} bytes")
    if as_json:
        print_json({"items": wanted})


def destinations(items: list[Json], output: Path | None) -> Iterable[Path]:
    """Return the path of each artifact; only the last part of its name is used, so none leaves the folder."""
    if output is not None and not output.is_dir():
        if len(items) == 1:
            return [output]
        output.mkdir(parents=True)
    return [(output or Path()) / Path(item["name"]).name for item in items]


def fetch(api: ApiClient, job_id: str, item: Json, path: Path) -> None:
    """Write an artifact to a path, whole or not at all; raises ApiError when its digest is wrong."""
    draft = path.with_name(f".{path.name}.part")
    digest = hashlib.sha256()
    try:
        with api.artifact(job_id, item["name"]) as chunks, draft.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if item.get("sha256") not in (None, digest.hexdigest()):
            raise ApiError(
                f"{item['name']} arrived damaged: SHA-256 {digest.hexdigest()}, not {item['sha256']}"
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def fields(item: Json) -> str:
    """Return the fields of a task's input; a star marks required ones."""
    schema = item.get("input_schema") or {}
    required = schema.get("required", ())
    return " ".join(f"{name}*" if name in required else name for name in schema.get("properties", {}))


def when(moment: str | None) -> str:
    """Return a time of the API to the second, with a space to wrap at."""
    return "" if moment is None else f"{moment[:10]} {moment[11:19]}"
