"""Files that are written from the settings: ``.env.example`` and the table in docs/operating.md. No I/O."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from jobline.domain.environment import variable

HEADER = """\
# Every setting of Jobline with its default. Written by `jobline settings --env-example`.
# Copy it to .env, and remove the # before a line that you change.
"""
WIDTH = 100
#: The lines between which the table stands in a document.
BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


@dataclass(frozen=True)
class Setting:
    """One setting as people see it; the default is written as the environment would hold it."""

    variable: str
    default: str
    description: str


def list_settings(models: Iterable[type[BaseSettings]]) -> Iterator[Setting]:
    """Return the settings of these models, in the order of their fields."""
    for model in models:
        for name, field in model.model_fields.items():
            default = write_value(field.get_default())
            yield Setting(variable(model, name), default, field.description or "")


def write_value(value: object) -> str:
    """Write a value as the environment would hold it, secrets included."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)


def env_example(settings: Iterable[Setting]) -> str:
    """Write ``.env.example``: each setting commented out, with its description above it."""
    parts = [HEADER]
    for setting in settings:
        words = textwrap.wrap(setting.description, WIDTH, initial_indent="# ", subsequent_indent="# ")
        parts.append("\n".join([*words, f"# {setting.variable}={setting.default}", ""]))
    return "\n".join(parts)


def markdown(settings: Iterable[Setting]) -> str:
    """Write the table of the documentation."""
    rows = []
    for setting in settings:
        default = f"`{setting.default}`" if setting.default else "unset"
        rows.append(f"| `{setting.variable}` | {default} | {setting.description} |")
    return "\n".join(["| Variable | Default | What it does |", "| --- | --- | --- |", *rows, ""])


def replace_table(document: str, table: str) -> str:
    """Put a table between the marks of a document; raises ValueError when it has none."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"no place for the table: {BEGIN.strip()} and {END.strip()} are missing")
    return f"{head}{BEGIN}\n{table}\n{END}{tail}"
