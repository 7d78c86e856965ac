"""`jobline submit`: a task's typed input from the command line, its files uploaded first."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand

from jobline.cli.client import ApiClient, ApiError, Json, open_client
from jobline.cli.commands.watch import watch_to_end
from jobline.cli.fields import InputError, describe_fields, find_path, read_input, set_options, set_value
from jobline.cli.options import DEFAULT_URL, AsJson, Url, print_json, print_table, report

#: Every other option is a field of the task's input.
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
HELP = frozenset({"--help", "-h"})
#: The part of a request that is no input, by its option.
OPTIONS = {"tags": "tag"}


class SubmitCommand(TyperCommand):
    """`jobline submit`, whose help after a TASK shows the fields of that task."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of typer's own click
        """Answer ``TASK --help``; parse everything else."""
        if args and not args[0].startswith("-") and HELP & set(args):
            sys.stdout.write(f"{ctx.get_help()}\n")
            show_fields(args[0], find_url(args))
            ctx.exit()
        return super().parse_args(ctx, args)


def find_url(words: Sequence[str]) -> str:
    """Return the URL of the API before the options are parsed."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--url":
            return value if equals else following
    return os.environ.get("JOBLINE_URL") or DEFAULT_URL


def show_fields(task: str, url: str) -> None:
    """Print the fields of a task's input; a star marks required ones."""
    with open_client(url) as api:
        schema: Json = api.task(task)["input_schema"]
    rows = [
        (f"--{field.name.replace('_', '-')}{'*' * field.is_required}", field.types, field.default, field.text)
        for field in describe_fields(schema)
    ]
    sys.stdout.write(f"Fields of {task}; * marks required ones:\n\n")
    print_table(("FIELD", "TYPE", "DEFAULT", "DESCRIPTION"), rows)


class Upload(NamedTuple):
    """A local file, and the field of the input that gets its id."""

    path: list[str]
    file: Path
    media_type: str


def submit(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task; it comes first.")],
    text: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="The whole input; fields override it.")
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            metavar="FIELD=PATH",
            help="Upload a file, and set the field to its id. Its name tells its media type, unless "
            "FIELD=PATH;type=image/png does.",
        ),
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
    """Submit a job, with --FIELD VALUE for each field of the task's input: TASK --help lists them.

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
        try:
            job = api.submit(task, body, key=key)
        except ApiError as error:
            raise in_options(error) from None
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
    for path, local, media_type in uploads:
        set_value(order, path, api.upload(local, media_type)["id"], schema)
    return order


def split_file(item: str, schema: Json) -> Upload:
    """Return the parts of ``FIELD=PATH`` or ``FIELD=PATH;type=TYPE``; raises InputError."""
    name, equals, path = item.partition("=")
    path, _, media_type = path.partition(";type=")
    local = Path(path).expanduser()
    if not (name and equals and path):
        raise InputError(f"--file {item}: must be FIELD=PATH")
    if not local.is_file():
        raise InputError(f"--file {item}: there is no file {local}")
    return Upload(find_path(name, schema), local, media_type)


def in_options(error: ApiError) -> ApiError:
    """Return an error about parts of the request as one about the options that set them."""
    if not error.errors:
        return error
    told = "; ".join(f"{to_option(where)}: {what}" if where else what for where, what in error.errors)
    return ApiError(told, error.status, error.errors)


def to_option(pointer: str) -> str:
    """Return the option that sets the part of a request at a JSON Pointer."""
    first, *rest = pointer.strip("/").split("/")
    words = rest if first == "input" and rest else [OPTIONS.get(first, first)]
    name = ".".join(word for word in words if not re.fullmatch("[0-9]+", word)).replace("_", "-")
    return f"--{name}"
