"""`jobline settings`: every setting with its default, read from the model: no list is kept by hand."""

from __future__ import annotations

import sys
import textwrap
from typing import Annotated

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from jobline.cli.options import print_table
from jobline.domain.settings import Settings

HEADER = """\
# Every setting of Jobline with its default. Written by `jobline settings --env-example`.
# Copy it to .env, and remove the # before a line that you change.
"""
WIDTH = 100


def settings(
    as_env: Annotated[bool, typer.Option("--env-example", help="Print the text of .env.example.")] = False,
) -> None:
    """Show all settings, their defaults and what they do."""
    if as_env:
        sys.stdout.write(env_example())
        return
    rows = [
        (variable(name), default(field), field.description) for name, field in Settings.model_fields.items()
    ]
    print_table(("VARIABLE", "DEFAULT", "WHAT IT DOES"), rows)


def env_example() -> str:
    """Write ``.env.example``: each setting commented out, with its description above it."""
    parts = [HEADER]
    for name, field in Settings.model_fields.items():
        words = textwrap.wrap(field.description or "", WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append("\n".join([*words, f"# {variable(name)}={default(field)}", ""]))
    return "\n".join(parts)


def variable(name: str) -> str:
    """Name the environment variable of a setting."""
    return f"{Settings.model_config['env_prefix']}{name}".upper()


def default(field: FieldInfo) -> str:
    """Write a default as the environment would hold it; a default is no secret."""
    value = field.get_default()
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)
