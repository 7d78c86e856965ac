"""What every program does first: read ``.env``, find the user's modules, check the settings, load the tasks.

A wrong setting or a task module that cannot be loaded ends the API or a worker with one line and exit status
2, which says to a supervisor that a restart does not help. Only what both of them need before they are built
belongs here, and nothing of either. Run as a program (``python -m jobline.startup``), this module checks the
settings and the task modules, and writes what it found.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from pydantic_settings import BaseSettings

from jobline.domain.client_settings import ClientSettings
from jobline.domain.environment import PREFIX, variable
from jobline.domain.errors import DeclarationError, SettingsError
from jobline.domain.registry import Registry
from jobline.domain.schemas import input_schema, result_schema
from jobline.domain.settings import Settings, read_settings
from jobline.outages import summarise_outages
from jobline.running import join_running

ENV_FILE = ".env"
#: The exit status for what only a person can mend: settings and task modules. Click's own for wrong options.
MISCONFIGURED = 2
#: The variable in which a supervisor marks its children. It has warned of unknown variables already.
SUPERVISOR_TOKEN = "JOBLINE_SUPERVISOR_TOKEN"  # noqa: S105 - a name, not a secret
#: The settings of Jobline itself; the families have others.
OWN_SETTINGS: tuple[type[BaseSettings], ...] = (Settings, ClientSettings)
#: How alike two names must be for one to be a misspelling of the other, when nobody knows all names.
MISSPELT = 0.85


def start() -> tuple[Settings, Registry]:
    """Return the settings and the tasks on offer; raises SystemExit(2), after one line, when one is wrong."""
    summarise_outages()
    read_env_file()
    if SUPERVISOR_TOKEN not in os.environ:
        join_running()
    put_working_directory_first()
    with one_line_errors():
        settings = read_settings()
        registry = Registry.load(settings.tasks)
    if SUPERVISOR_TOKEN not in os.environ:
        for warning in registry.warnings:
            sys.stderr.write(f"jobline: warning: {warning}\n")
        warn_of_unknown_variables(registry)
    return settings, registry


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line and exit status 2 when a setting or a declaration is wrong."""
    try:
        yield
    except (SettingsError, DeclarationError) as error:
        sys.stderr.write(f"jobline: {error}\n")
        raise SystemExit(MISCONFIGURED) from None


def read_env_file(environment: MutableMapping[str, str] = os.environ) -> frozenset[str]:
    """Add the ``.env`` of the working directory to the environment, which wins; return the names added."""
    if not Path(ENV_FILE).is_file():
        return frozenset()
    from dotenv import dotenv_values  # noqa: PLC0415 - most programs have no such file

    found = {name: value for name, value in dotenv_values(ENV_FILE).items() if value is not None}
    added = found.keys() - environment.keys()
    environment.update((name, found[name]) for name in added)
    return frozenset(added)


def put_working_directory_first() -> None:
    """Let a user's ``tasks.py`` be found in the working directory, before any package of its name.

    It is added although it may be there: Celery puts it there while it imports the app alone, and takes the
    first one away again.
    """
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds strings


def warn_of_unknown_variables(registry: Registry) -> None:
    """Write a line for each variable ``JOBLINE_…`` that no setting of Jobline or of a family reads."""
    models: list[type[BaseSettings]] = [*OWN_SETTINGS, *registry.settings]
    known = {variable(model, name) for model in models for name in model.model_fields}
    for name, nearest in find_unknown(os.environ, known):
        warn(name, nearest)


def warn_of_misspelt_variables() -> None:
    """Write a line for each variable ``JOBLINE_…`` that is nearly one of Jobline's.

    For programs that load no tasks: they cannot know the settings of families.
    """
    known = {variable(model, name) for model in OWN_SETTINGS for name in model.model_fields}
    for name, nearest in find_unknown(os.environ, known, MISSPELT):
        if nearest:
            warn(name, nearest)


def find_unknown(
    names: Iterable[str], known: Iterable[str], likeness: float = 0.6
) -> Iterator[tuple[str, str | None]]:
    """Return each ``JOBLINE_…`` that is not known, with the nearest known name, if one is near."""
    known = {*known, SUPERVISOR_TOKEN}
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield name, next(iter(get_close_matches(name.upper(), sorted(known), 1, likeness)), None)


def warn(name: str, nearest: str | None) -> None:
    """Write what is unknown, and what may be meant."""
    hint = f"; did you mean {nearest}?" if nearest else "; `jobline settings` lists them"
    sys.stderr.write(f"jobline: warning: {name} is no setting{hint}\n")


def main() -> None:
    """Check everything, and write the tasks on offer as one line of JSON."""
    _, registry = start()
    functions = [task.function for task in registry]
    with one_line_errors():
        schemas = {task.name: input_schema(task) for task in registry}
        for task in registry:
            result_schema(task)
    found = {
        "tasks": schemas,
        "folders": sorted({str(Path(one.__code__.co_filename).absolute().parent) for one in functions}),
    }
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
