"""`jobline watch`: a job until its end; the exit status says how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from jobline.cli.client import ApiClient, ApiError, Json, open_client
from jobline.cli.options import DEFAULT_URL, AsJson, JobId, Url, print_json, report
from jobline.domain.state import State

EXIT_CODES = {State.SUCCESS: 0, State.FAILURE: 1, State.REVOKED: 2}
INTERRUPTED = 130
#: Seconds that a server may be unreachable, as in a restart, before the watch gives up.
PATIENCE_S = 30.0
#: Least seconds between two requests, for a server that answers long polls at once.
SHORTEST_TURN_S = 0.1


def watch(job_id: JobId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Follow a job to its end; exit 0 for SUCCESS, 1 for FAILURE, 2 for REVOKED."""
    with open_client(url) as api:
        sys.exit(watch_to_end(api, job_id, as_json=as_json))


def watch_to_end(api: ApiClient, job_id: str, *, as_json: bool = False, quiet: bool = False) -> int:
    """Show a job until it ends, then its result; return the exit status."""
    try:
        job = last(follow(api, job_id, wait_s=20)) if quiet or as_json else show(follow(api, job_id), job_id)
    except KeyboardInterrupt:
        report(f"stopped watching; the job goes on: jobline watch {job_id}")
        return INTERRUPTED
    if as_json:
        print_json(job)
    else:
        print_end(job)
    return EXIT_CODES[State(job["state"])]


def follow(
    api: ApiClient, job_id: str, *, wait_s: int = 1, turn_s: float = SHORTEST_TURN_S
) -> Iterator[Json]:
    """Yield the job repeatedly until it has ended; the server may be unreachable for 30 s.

    ``wait_s`` is each request's long poll; no two requests begin within ``turn_s``.
    """
    away_since: float | None = None
    while True:
        turn = time.monotonic()
        try:
            job = api.job(job_id, wait_s=wait_s)
        except ApiError as error:
            away_since = away_since or turn
            if not error.is_passing or turn - away_since > PATIENCE_S:
                raise
        else:
            away_since = None
            yield job
            if State(job["state"]).is_terminal:
                return
        time.sleep(max(0.0, turn_s - (time.monotonic() - turn)))


def last(jobs: Iterator[Json]) -> Json:
    """Return the job as it ended."""
    job: Json = {}
    for job in jobs:  # noqa: B007 - the last one is what is asked for
        pass
    return job


def show(jobs: Iterator[Json], job_id: str) -> Json:
    """Show a progress bar on a terminal, elsewhere a line for each change; return the last job."""
    return draw(jobs) if sys.stderr.isatty() else tell(jobs, job_id)


def draw(jobs: Iterator[Json]) -> Json:
    """Show the newest progress as a bar; return the last job."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[state]}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    job: Json = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("", total=None, state="")
        for job in jobs:
            progress = job.get("progress") or {}
            total = progress.get("total")
            if job["state"] == State.SUCCESS:
                total = total or 1
            done = total if job["state"] == State.SUCCESS else progress.get("done") or 0
            bar.update(line, completed=done, total=total, description=message(job), state=job["state"])
    return job


def tell(jobs: Iterator[Json], job_id: str) -> Json:
    """Print a line when the state or the progress has changed; return the last job."""
    job: Json = {}
    told = ""
    for job in jobs:
        line = f"{job_id} {job['state']} {message(job)}".rstrip()
        if line != told:
            report(line)
            told = line
    return job


def message(job: Json) -> str:
    """Return a job's progress in a few words, with the attempt when it is not the first."""
    words = []
    if progress := job.get("progress"):
        total = progress.get("total")
        amount = f"{progress.get('done', 0):g}" + (f"/{total:g}" if total is not None else "")
        words.append(
            " ".join(part for part in (amount, progress.get("unit"), progress.get("message")) if part)
        )
    if (job.get("attempt") or 0) > 1:
        words.append(f"attempt {job['attempt']} of {job.get('max_attempts', '?')}")
    return ", ".join(words)


def print_end(job: Json) -> None:
    """Print the result to standard output, or the error to standard error."""
    if job["state"] == State.SUCCESS:
        print_json(job.get("result"))
        return
    error = job.get("error") or {}
    reason = f": {error.get('code', '')}: {error.get('message', '')}" if error else ""
    report(f"{job['id']} {job['state']}{reason}")
