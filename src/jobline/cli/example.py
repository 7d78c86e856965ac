"""An example of a task's input as options of `jobline submit`: a hint, not always a valid input."""

from __future__ import annotations

import json
import shlex
from typing import Any

from jobline.domain.examples import make_example


def example_words(schema: dict[str, Any]) -> str:
    """Return `` --FIELD VALUE`` for each field that an input must have, as `jobline submit` takes them."""
    found = make_example(schema, with_optional=False)
    return "".join(
        f" --{name.replace('_', '-')} {shlex.quote(write(value))}"
        for name, value in found.items()
        if name in schema.get("required", ())
    )


def write(value: object) -> str:
    """Write a value as an option takes it."""
    return value if isinstance(value, str) else json.dumps(value)
