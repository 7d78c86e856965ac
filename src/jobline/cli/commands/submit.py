"""`jobline submit`: a task's typed input from the command line, its files uploaded first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.client import ApiClient, Json, open_client
from jobline.cli.commands.watch import watch_to_end
from jobline.cli.fields import InputError, find_path, read_input, set_options, set_value
from jobline.cli.options import DEFAULT_URL, AsJson, Url, print_json, report

#: Every other option is a field of the task's input.
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}


def submit(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task; it comes first.")],
    text: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="The whole input; fields override it.")
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="FIELD=PATH", help="Upload a file, and set the field to its id."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the job's end, then print its result.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="As --wait, and show the progress.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency-Key: a retry with it returns the same job.")
    ] = None,
    delay_s: Annotated[
        float | None, typer.Option("--delay-s", help="Seconds to wait before the job may start. Default: 0.")
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option("--priority", min=0, max=9, help="9 starts first. Default: 5."),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Tag to find the job by; may be repeated.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Submit a job, with --FIELD VALUE for each field of the task's input.

    A field that has the name of an option below is --input.FIELD.
    Prints the job's id; with --wait or --watch its result, and exits as `jobline watch` does.
    """
    if task.startswith("-"):
        raise InputError("TASK comes first: jobline submit TASK [OPTIONS] [--FIELD VALUE]")
    with open_client(url) as api:
        order = build_input(api, task, read_input(text), context.args, files or [])
        body: Json = {"input": order}
        options = {"delay_s": delay_s, "priority": priority, "tags": tags}
        body.update((name, value) for name, value in options.items() if value is not None and value != [])
        job = api.submit(task, body, key=key)
        if wait or watch:
            sys.exit(watch_to_end(api, job["id"], as_json=as_json, quiet=not watch))
        if as_json:
            print_json(job)
        else:
            sys.stdout.write(f"{job['id']}\n")
            if sys.stderr.isatty():
                report(f"follow it: jobline watch {job['id']}")


def build_input(api: ApiClient, task: str, order: Json, words: list[str], files: list[str]) -> Json:
    """Return the input with its fields and the ids of uploaded files; reads the schema only if needed."""
    if not words and not files:
        return order
    schema: Json = api.task(task)["input_schema"]
    set_options(order, words, schema)
    uploads = [split_file(item, schema) for item in files]  # all are checked before the first is sent
    for path, local in uploads:
        set_value(order, path, api.upload(local)["id"], schema)
    return order


def split_file(item: str, schema: Json) -> tuple[list[str], Path]:
    """Return the field and the file of ``FIELD=PATH``; raises InputError."""
    name, equals, path = item.partition("=")
    local = Path(path).expanduser()
    if not (name and equals and path):
        raise InputError(f"--file {item}: must be FIELD=PATH")
    if not local.is_file():
        raise InputError(f"--file {item}: there is no file {local}")
    return find_path(name, schema), local
