"""Schemas in the form that most SDK generators read as it is meant; nothing is added to what they allow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]  # Any: a JSON document
NULL = {"type": "null"}
REFERENCE = "#/components/schemas/"
#: Keywords whose keys are names of the user's, not keywords of JSON Schema.
NAMED = frozenset({"properties", "schemas", "$defs", "patternProperties"})
#: Keywords whose values are data.
VALUES = frozenset({"example", "examples", "default", "const", "enum"})


def make_portable(document: Json) -> None:
    """Rewrite nullable values and the defaults of requests."""
    schemas = document["components"]["schemas"]
    for part in walk(schemas, is_named=True):
        merge_null(part)
    bodies = [one.get("requestBody") for path in document["paths"].values() for one in path.values()]
    for name in find_reachable(schemas, bodies):
        for part in walk(schemas[name]):
            for field in part.get("properties", {}).values():
                describe_default(field)


def merge_null(schema: Json) -> None:
    """Write a nullable value without a choice: ``"type": ["string", "null"]``.

    datamodel-code-generator makes a class of each choice with bounds, and names it after the field: `queue`
    took the name `Queue`, and the schema became `Queue3`.
    """
    choices = schema.get("anyOf", [])
    values = [choice for choice in choices if choice != NULL]
    if NULL in choices and len(values) == 1 and is_plain(values[0]):
        (value,) = values
        del schema["anyOf"]
        rest = dict(schema)
        schema.clear()
        schema.update({**value, "type": [value["type"], "null"], **rest})


def is_plain(schema: Json) -> bool:
    """Return whether a schema is one type with bounds, and names no single values."""
    return isinstance(schema.get("type"), str) and VALUES.isdisjoint(schema)


def describe_default(field: Json) -> None:
    """Move the default of a field that a client may leave out into the field's description.

    openapi-typescript requires every field that has a default, also where the schema does not.
    """
    value = field.pop("default", None)
    text = field.get("description", "")
    if value is None or "Default" in text:
        return
    separator = " " if text.endswith(".") else ". "
    field["description"] = (
        f"{text}{separator if text else ''}Default: `{json.dumps(value, ensure_ascii=False)}`."
    )


def find_reachable(schemas: Json, part: object) -> set[str]:
    """Return the names of the schemas that a part of the document refers to, directly or not."""
    found: set[str] = set()
    todo = list(find_references(part))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(find_references(schemas[name]))
    return found


def find_references(part: object) -> Iterator[str]:
    """Yield the names of the schemas that a part of the document refers to itself."""
    for item in walk(part):
        if isinstance(reference := item.get("$ref"), str):
            yield reference.removeprefix(REFERENCE)


def walk(part: object, *, is_named: bool = False) -> Iterator[Json]:
    """Yield every object that is neither data nor a map of names; the object may be changed at once."""
    if isinstance(part, dict):
        if not is_named:
            yield part
        for name, value in part.items():
            if is_named or name not in VALUES:
                yield from walk(value, is_named=name in NAMED and not is_named)
    elif isinstance(part, list):
        for item in part:
            yield from walk(item)
