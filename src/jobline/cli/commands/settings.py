"""`jobline settings`: the values in force and where they come from, read from the models of the settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from jobline.cli.options import AsJson, print_json, print_table, report
from jobline.cli.settings_files import (
    Setting,
    env_example,
    list_settings,
    markdown,
    replace_table,
    write_value,
)
from jobline.domain.environment import PREFIX, read, variable
from jobline.domain.errors import SettingsError
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.startup import ENV_FILE, OWN_SETTINGS, start

EXAMPLE = Path(".env.example")
DOCUMENT = Path("docs/operating.md")
MASK = "***"


def settings(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Describe one setting, such as LEASE_S.")
    ] = None,
    as_json: AsJson = False,
    as_env: Annotated[bool, typer.Option("--env-example", help="Print .env.example.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table of the documentation.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write {EXAMPLE} and the table in {DOCUMENT}.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when one of the two is out of date.")
    ] = False,
) -> None:
    """Show all settings with the values in force, and where each comes from; secrets are masked."""
    if as_env:
        sys.stdout.write(env_example(own_settings()))
    elif as_markdown:
        sys.stdout.write(markdown(own_settings()))
    elif write or check:
        sys.exit(keep_files(write=write))
    else:
        show(name, context.obj or frozenset(), as_json=as_json)


def show(name: str | None, from_file: Collection[str], *, as_json: bool) -> None:
    """Print the values in force: all of them, or one with its description."""
    _, registry = start()
    models: list[type[BaseSettings]] = [*OWN_SETTINGS, *registry.settings]
    values = {variable(model, field): value for model in models for field, value in dump(model).items()}
    found = [
        {
            "variable": one.variable,
            "value": values[one.variable],
            "from": find_source(one.variable, from_file),
            "default": one.default,
            "description": one.description,
        }
        for one in list_settings(models)
        if name is None or one.variable in {name.upper(), f"{PREFIX}{name.upper()}"}
    ]
    if not found:
        raise SettingsError(f"there is no setting {name}: `jobline settings` lists them")
    if as_json:
        print_json({"items": found})
    elif name is None:
        print_table(
            ("VARIABLE", "VALUE", "FROM"), [(one["variable"], one["value"], one["from"]) for one in found]
        )
        report("\n`jobline settings NAME` describes one.")
    else:
        print_table(("FIELD", "VALUE"), found[0].items())


def dump(model: type[BaseSettings]) -> dict[str, str]:
    """Return the values in force of one model, written as in the environment, with secrets masked."""
    values = read(model)
    return {name: write_masked(getattr(values, name)) for name in model.model_fields}


def write_masked(value: object) -> str:
    """Write a value without its secret: of a URL, the password alone is masked."""
    text = write_value(value)
    if not isinstance(value, SecretStr) or not text:
        return text
    parts = urlsplit(text)
    if not parts.scheme:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    masked = f"{user.partition(':')[0]}:{MASK}@{host}" if at else host
    query = "&".join(
        f"{word.partition('=')[0]}={MASK}" if word.startswith("password=") else word
        for word in parts.query.split("&")
    )
    return f"{parts.scheme}://{masked}{parts.path}{query and f'?{query}'}"


def find_source(name: str, from_file: Collection[str]) -> str:
    """Return where the value of a variable comes from."""
    spelt = next((given for given in os.environ if given.upper() == name and os.environ[given]), None)
    if spelt is None:
        return "default"
    return ENV_FILE if spelt in from_file else "environment"


def own_settings() -> list[Setting]:
    """Return the settings of Jobline and of the families that come along."""
    registry = Registry.load(Settings.model_fields["tasks"].default)
    return list(list_settings((*OWN_SETTINGS, *registry.settings)))


def keep_files(*, write: bool) -> int:
    """Write the files that are made from the settings, or name those out of date; return the exit status."""
    made = own_settings()
    texts = {EXAMPLE: env_example(made)}
    if DOCUMENT.exists():
        texts[DOCUMENT] = replace_table(DOCUMENT.read_text(encoding="utf-8"), markdown(made))
    stale = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if write:
            path.write_text(texts[path], encoding="utf-8")
        else:
            report(f"jobline: {path} is not what the settings say: jobline settings --write")
    return int(bool(stale) and not write)
