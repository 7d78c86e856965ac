"""Turns options into a task's input by the task's own JSON Schema. No I/O but reading ``@file``.

``--width 320`` becomes the integer 320 where the schema says integer, and the string "320" where it says
string. A dot steps into an object (``--resize.width 320``), a repeated option fills an array, and
``--input.NAME`` reaches a field whose name is an option of ``jobline submit`` itself. The server
validates every value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jobline.cli.client import Json
from jobline.domain.errors import JoblineError
from jobline.domain.file_id import PATTERN

PREFIX = "input."
TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


class Field(NamedTuple):
    """A field of an input, for people."""

    name: str
    is_required: bool
    types: str
    default: str
    text: str


class InputError(JoblineError):
    """The options do not fit the task's input."""

    exit_code = 2


def read_input(text: str | None) -> Json:
    """Return the object of ``--input``: JSON, or ``@path`` of a file with JSON."""
    if text is None:
        return {}
    try:
        value = json.loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise InputError(f"--input {text}: {error}") from None
    if not isinstance(value, dict):
        raise InputError("--input must be a JSON object")
    return value


def set_options(target: Json, words: Sequence[str], schema: Json) -> None:
    """Set each ``--FIELD value`` (or ``--FIELD=value``, or a bare ``--FIELD`` for true) in the input."""
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            raise InputError(f"{word!r} belongs to no option; a field is given as --FIELD value")
        name, equals, text = word[2:].partition("=")
        path = find_path(name.removeprefix(PREFIX), schema)
        if not equals:
            is_flag = "boolean" in types_at(path, schema) and (not left or left[0] not in {"true", "false"})
            if not is_flag and not left:
                raise InputError(f"--{name} needs a value")
            text = "true" if is_flag else left.pop(0)
        set_value(target, path, text, schema)


def set_value(target: Json, path: Sequence[str], text: str, schema: Json) -> None:
    """Set one field; an array grows by each value, unless the text is itself a JSON array."""
    types = types_at(path, schema)
    place = target
    for step in path[:-1]:
        place = place.setdefault(step, {})
    if "array" in types and not text.startswith("["):
        place.setdefault(path[-1], []).append(parse(path, text, types_at([*path, "[]"], schema)))
    else:
        place[path[-1]] = parse(path, text, types)


def find_path(name: str, schema: Json) -> list[str]:
    """Return the path of the field that an option names (dashes for underscores); raises InputError."""
    path: list[str] = []
    for step in name.split("."):
        known = {key for place in places_at(path, schema) for key in place.get("properties", {})}
        takes_any = any(place.get("additionalProperties") for place in places_at(path, schema))
        found = step if step in known or takes_any else step.replace("-", "_")
        if found not in known and not takes_any:
            names = ", ".join(sorted(known)) or "none"
            raise InputError(f"the task's input has no field {name!r}; its fields are: {names}")
        path.append(found)
    return path


def parse(path: Sequence[str], text: str, types: frozenset[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a text as a value of one of the types; an empty set takes any."""
    if types == {"string"}:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if not types or TYPES[type(value)] in types or (isinstance(value, int) and "number" in types):
        return value
    if "string" in types:
        return text
    raise InputError(f"--{'.'.join(path)} must be {' or '.join(sorted(types))}, not {text!r}")


def describe_fields(schema: Json) -> list[Field]:
    """Return the fields of an input, in the order of its model."""
    required = schema.get("required", ())
    return [
        Field(
            name,
            name in required,
            describe_type([name], schema),
            json.dumps(field["default"]) if field.get("default") not in (None, [], {}) else "",
            field.get("description", ""),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def describe_type(path: Sequence[str], schema: Json) -> str:
    """Return the values that a field takes: its choices, or its types."""
    found: dict[str, None] = {}
    for place in places_at(path, schema):
        if choices := place.get("enum"):
            found.update((str(choice), None) for choice in choices)
        elif place.get("pattern") == PATTERN:
            found["file"] = None
        elif place.get("type") != "null":
            found.update((kind, None) for kind in sorted(types_at(path, schema) - {"null"}))
    return "|".join(found)


def types_at(path: Sequence[str], schema: Json) -> frozenset[str]:
    """Return the JSON types that a field takes; an empty set means any."""
    found: set[str] = set()
    for place in places_at(path, schema):
        kind = place.get("type")
        if kind is not None:
            found.update([kind] if isinstance(kind, str) else kind)
        else:
            values = place.get("enum", [place["const"]] if "const" in place else [])
            found.update(TYPES[type(value)] for value in values)
    return frozenset(found)


def places_at(path: Sequence[str], schema: Json) -> list[Json]:
    """Return the schemas of a field, one for each member of a union; ``[]`` is the item of an array."""
    places = list(alternatives(schema, schema))
    for step in path:
        below = [
            place.get("items") if step == "[]" else place.get("properties", {}).get(step) or extra(place)
            for place in places
        ]
        places = [found for part in below if part for found in alternatives(part, schema)]
    return places


def extra(place: Json) -> Json | None:
    """Return the schema of a dictionary's values."""
    value = place.get("additionalProperties")
    return value if isinstance(value, dict) else None


def alternatives(place: Json, root: Json) -> Iterator[Json]:
    """Follow references and unfold unions."""
    if "$ref" in place:
        target: Any = root
        for step in str(place["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step, {})
        yield from alternatives(target, root)
        return
    parts = [part for word in ("anyOf", "oneOf", "allOf") for part in place.get(word, ())]
    for part in parts:
        yield from alternatives(part, root)
    if not parts:
        yield place
