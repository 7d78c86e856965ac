"""`jobline dev`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from jobline.cli.example import example_words
from jobline.cli.hints import program_words
from jobline.cli.ports import HOST, check_port
from jobline.cli.supervision.check import check_start
from jobline.cli.supervision.console import Console
from jobline.cli.supervision.reload import reload_on_changes, wait_for_change
from jobline.cli.supervision.signals import run_until_stopped
from jobline.cli.supervision.stack import Plan, Stack, open_stack
from jobline.domain.environment import read
from jobline.domain.errors import DeclarationError
from jobline.domain.settings import Auth, Settings
from jobline.files import check_data_dir
from jobline.running import announce

OWN_TASKS = "jobline.tasks"
#: How many tasks the greeting names.
NAMED_TASKS = 6


@dataclass(frozen=True)
class Choice:
    """The task modules, comma-separated, and in the user's words where they were named."""

    modules: str
    source: str


def dev(
    context: typer.Context,
    tasks: Annotated[
        str | None,
        typer.Option(
            "--tasks",
            metavar="A,B",
            help="Task modules. Default: JOBLINE_TASKS, else tasks.py in this folder, else the tasks "
            "that come with Jobline.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="TCP port of the API.", show_default=True)
    ] = 8000,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", min=1, help="Jobs that run at once. Default: one for each CPU."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart API and worker when a Python file changes.")
    ] = False,
) -> None:
    """Run Redis, a worker and the API here, until Ctrl-C; a second Ctrl-C does not wait for jobs."""
    began = time.monotonic()
    choice = choose_tasks(tasks, from_file=context.obj or frozenset())
    os.environ["JOBLINE_TASKS"] = choice.modules
    settings = read(Settings)
    check_data_dir(settings.data_dir)
    check_port(HOST, port)
    plan = Plan(
        settings.data_dir,
        port,
        settings.stop_grace_s,
        concurrency,
        redis_url=settings.ledger_url if "redis_url" in settings.model_fields_set else None,
    )
    console = Console(sys.stdout)
    run_until_stopped(serve(plan, choice, console, began, reload=reload), console)


def choose_tasks(option: str | None, from_file: frozenset[str] = frozenset()) -> Choice:
    """Return the modules to run: of the option, of JOBLINE_TASKS, of the folder, or Jobline's own."""
    if option:
        return Choice(option, "--tasks")
    if modules := os.environ.get("JOBLINE_TASKS"):
        return Choice(modules, "JOBLINE_TASKS in .env" if "JOBLINE_TASKS" in from_file else "JOBLINE_TASKS")
    if Path("tasks.py").is_file() or Path("tasks/__init__.py").is_file():
        return Choice("tasks", "tasks.py" if Path("tasks.py").is_file() else "tasks/")
    return Choice(OWN_TASKS, "the families that come with Jobline")


async def serve(plan: Plan, choice: Choice, console: Console, began: float, *, reload: bool) -> None:
    """Start everything, greet, and wait to be cancelled."""
    console.say_own(f"starting; task modules: {choice.modules} ({choice.source})")
    try:
        while reload and not await can_start(console):
            await wait_for_change(Path.cwd())
        async with open_stack(plan, console) as stack:
            await stack.wait_until_ready()
            console.say_own(greeting(stack, plan, time.monotonic() - began))
            with announce(plan.data_dir, describe_running(stack, plan)):
                if reload:
                    await reload_on_changes(stack, console)
                await asyncio.Event().wait()
    finally:
        console.say_own("stopped")


async def can_start(console: Console) -> bool:
    """Return whether the tasks can be loaded as they are; say why not."""
    try:
        await check_start({}, lambda _: None)
    except DeclarationError as error:
        console.say_own(f"not started: {error}")
        console.say_own("watching this folder: the next save is tried")
        return False
    return True


def describe_running(stack: Stack, plan: Plan) -> dict[str, str]:
    """Return the variables with which a command in this folder finds what runs here."""
    settings = read(Settings)
    return {
        "JOBLINE_URL": stack.url,
        "JOBLINE_REDIS_URL": stack.redis_url,
        "JOBLINE_DATA_DIR": str(plan.data_dir.absolute()),
        "JOBLINE_PREFIX": settings.prefix,
        "JOBLINE_AUTH": settings.auth.value,
        "JOBLINE_TASKS": ",".join(settings.tasks),
    }


def greeting(stack: Stack, plan: Plan, seconds: float) -> str:
    """Write what runs where, and a first job to try."""
    names = list(stack.check.tasks)
    more = f" and {len(names) - NAMED_TASKS} more" if len(names) > NAMED_TASKS else ""
    first = next((name for name in names if name == "demo.countdown"), names[0])
    words = example_words(stack.check.tasks[first])
    url = "" if plan.port == 8000 else f" --url {stack.url}"  # noqa: PLR2004 - where the command line looks
    jobline, key = program_words(), ""
    if read(Settings).auth is Auth.KEYS:
        key = f"  export JOBLINE_API_KEY=$({jobline} keys create --tenant me)\n"
    return f"""\
ready in {seconds:.1f} s

  API docs   {stack.url}/docs
  tasks      {", ".join(names[:NAMED_TASKS])}{more}
  ledger     {stack.redis_url} (data in {plan.data_dir}){describe_port(stack, plan)}

A first job, from another terminal in this folder:
{key}  {jobline} submit {first} --watch{words}{url}

Ctrl-C stops everything."""


def describe_port(stack: Stack, plan: Plan) -> str:
    """Return why Redis has an unusual port, where it has one."""
    if plan.redis_url or stack.redis_url.endswith(f":{plan.redis_port}/0"):
        return ""
    return (
        f"\n             Another program has port {plan.redis_port}; commands in this folder find this one."
    )
