"""`jobline worker`: become stock Celery with the right options."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from jobline.cli.supervision.engine import LogLevel, Pool, celery_command, celery_environment


def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            "-c",
            min=1,
            help="Jobs that run at once. Default: one for each CPU; light: 1000.",
        ),
    ] = None,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues", "-Q", metavar="A,B", help="Queues to take jobs from. Default: those of all tasks."
        ),
    ] = None,
    pool: Annotated[Pool, typer.Option("--pool", help="How jobs run side by side.")] = Pool.PREFORK,
    loglevel: Annotated[LogLevel, typer.Option("--loglevel", help="How much to log.")] = LogLevel.INFO,
    name: Annotated[
        str | None, typer.Option("--name", help="Unique name of the worker. Default: a random one.")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Workers to run, each with its own pool.")
    ] = 1,
) -> None:
    """Run a worker, which is stock Celery; with --processes, several that are kept alive."""
    os.environ.update(celery_environment(pool))
    names = [name] if processes == 1 else [name and f"{name}-{number}" for number in range(1, processes + 1)]
    commands = [
        celery_command(
            concurrency=concurrency,
            queues=queues,
            pool=pool,
            loglevel=loglevel,
            name=each,
            quiet=processes > 1,
        )
        for each in names
    ]
    if processes > 1:
        from jobline.cli.supervision.workers import run_workers

        run_workers(commands)
        return
    command = commands[0]
    os.execv(command[0], command)  # noqa: S606 - to become Celery without a shell is this command's purpose
