"""An example of a task's input, made from its JSON Schema: a hint for people, not always a valid input."""

from __future__ import annotations

import shlex
from typing import Any

#: What stands for a value of each type, where the schema has no example and no lower bound.
SAMPLES = {"string": "text", "integer": 1, "number": 1, "boolean": True, "array": "[]", "object": "{}"}


def example_words(schema: dict[str, Any]) -> str:
    """Return `` --FIELD VALUE`` for each field that an input must have, as `jobline submit` takes them."""
    words = [
        f" --{name.replace('_', '-')} {shlex.quote(str(example_value(field)))}"
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", ())
    ]
    return "".join(words)


def example_value(field: dict[str, Any]) -> object:
    """Return a value for one field: its own example, its lower bound, or one of its type."""
    if examples := field.get("examples"):
        return examples[0]
    if "minimum" in field:
        return field["minimum"]
    return SAMPLES.get(str(field.get("type")), "VALUE")
