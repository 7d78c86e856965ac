"""The list of commands, and how an error ends the program."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from jobline import __version__
from jobline.cli.commands.api import api
from jobline.cli.commands.demo import demo
from jobline.cli.commands.dev import dev
from jobline.cli.commands.download import download
from jobline.cli.commands.events import events
from jobline.cli.commands.init import init
from jobline.cli.commands.jobs import cancel, delete, get, list_jobs, list_tasks, retry
from jobline.cli.commands.keys import keys
from jobline.cli.commands.openapi import openapi
from jobline.cli.commands.queues import list_queues, list_workers, pause, resume
from jobline.cli.commands.settings import settings
from jobline.cli.commands.submit import SETTINGS, SubmitCommand, submit
from jobline.cli.commands.watch import watch
from jobline.cli.commands.worker import worker
from jobline.cli.options import report
from jobline.domain.errors import DeclarationError, JoblineError, SettingsError
from jobline.startup import MISCONFIGURED, read_env_file

program = typer.Typer(
    name="jobline",
    help="Typed jobs over HTTP: run the API and its workers, and use them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RUN = "Run"
USE = "Use (JOBLINE_URL, JOBLINE_API_KEY)"
DEVELOP = "Develop"

program.command(rich_help_panel=RUN)(init)
program.command(rich_help_panel=RUN)(dev)
program.command(rich_help_panel=RUN)(demo)
program.command(rich_help_panel=RUN)(api)
program.command(rich_help_panel=RUN)(worker)
program.add_typer(keys, name="keys", rich_help_panel=RUN)
program.command("tasks", rich_help_panel=USE)(list_tasks)
program.command(rich_help_panel=USE, cls=SubmitCommand, context_settings=SETTINGS)(submit)
program.command(rich_help_panel=USE)(watch)
program.command(rich_help_panel=USE)(get)
program.command("list", rich_help_panel=USE)(list_jobs)
program.command(rich_help_panel=USE)(events)
program.command(rich_help_panel=USE)(cancel)
program.command(rich_help_panel=USE)(retry)
program.command(rich_help_panel=USE)(delete)
program.command(rich_help_panel=USE)(download)
program.command("queues", rich_help_panel=USE)(list_queues)
program.command("workers", rich_help_panel=USE)(list_workers)
program.command(rich_help_panel=USE)(pause)
program.command(rich_help_panel=USE)(resume)
program.command(rich_help_panel=DEVELOP)(openapi)
program.command(rich_help_panel=DEVELOP)(settings)


def show_version(is_asked: bool) -> None:
    """Print the version and end."""
    if is_asked:
        sys.stdout.write(f"jobline {__version__}\n")
        raise typer.Exit


@program.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Typed jobs over HTTP: run the API and its workers, and use them."""


def run() -> None:
    """Run the command of ``sys.argv``; an error of Jobline is one line and its exit status."""
    try:
        program(prog_name="jobline", obj=read_env_file())
    except (DeclarationError, SettingsError) as error:
        report(f"jobline: {error}")
        sys.exit(MISCONFIGURED)
    except JoblineError as error:
        report(f"jobline: {error}")
        sys.exit(getattr(error, "exit_code", 1))
