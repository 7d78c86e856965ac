"""`jobline events`: what happens to a job, its log lines included, as a line for each event."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from jobline.cli.client import Json, open_client
from jobline.cli.commands.watch import INTERRUPTED, message
from jobline.cli.options import DEFAULT_URL, Url


def events(
    job_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of the job. Default: all jobs, until Ctrl-C.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON.")] = False,
) -> None:
    """Show the events and log lines of a job from its start to its end, or those of all jobs from now on."""
    try:
        with open_client(url) as api:
            for event in api.events(job_id):
                line = json.dumps(event, ensure_ascii=False) if as_json else write(event, with_job=not job_id)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def write(event: Json, *, with_job: bool) -> str:
    """Return an event as one line."""
    about = event.get("data") or {}
    words = [str(event.get("timestamp", ""))[11:23], str(event.get("type", "")).removeprefix("job.")]
    if with_job:
        words += [str(about.get("job_id", "")), str(about.get("task", ""))]
    if error := about.get("error"):
        words.append(f"{error.get('code', '')}: {error.get('message', '')}")
    elif log := about.get("log"):
        words.append(write_log(log))
    elif said := message(about):
        words.append(said)
    return "  ".join(words)


def write_log(log: object) -> str:
    """Return a log line of a job, with its fields."""
    if not isinstance(log, dict):
        return str(log)
    fields = " ".join(f"{name}={value}" for name, value in (log.get("fields") or {}).items())
    return " ".join(part for part in (log.get("level"), log.get("message"), fields) if part)
