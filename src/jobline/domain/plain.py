"""What a running task tells, as values of JSON and UTF-8: telling never ends an attempt. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic_core import to_jsonable_python

#: Containers nested deeper than this are written as text.
MAX_DEPTH = 20


def plain_text(value: object) -> str:
    """Return a value's text, also where its ``__str__`` raises; a lone surrogate is escaped."""
    try:
        text = value if isinstance(value, str) else str(value)
        return text.encode("utf-8", "backslashreplace").decode()
    except Exception:  # noqa: BLE001 - whatever a user's ``__str__`` raises
        return f"<a {type(value).__name__} whose text cannot be read>"


def finite_number(value: object) -> float | int | None:
    """Return a number of any kind (numpy's, Decimal, text) as one that JSON has, or None."""
    try:
        number = float(value)  # type: ignore[arg-type] # what it cannot take, it refuses
    except Exception:  # noqa: BLE001 - whatever a user's ``__float__`` raises
        return None
    if not math.isfinite(number):
        return None
    return value if type(value) is int else number


def plain_json(value: object, depth: int = MAX_DEPTH) -> object:
    """Return a value as JSON values: null for NaN and infinity, text for what JSON does not have."""
    if value is None or type(value) in {bool, int}:
        return value
    if isinstance(value, float):
        return finite_number(value)
    if isinstance(value, str) or depth == 0:
        return plain_text(value)
    if isinstance(value, Mapping):
        return {plain_text(name): plain_json(part, depth - 1) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(part, depth - 1) for part in value]
    return plain_object(value, depth)


def plain_object(value: object, depth: int) -> object:
    """Return a model, a date or a number of another library as JSON values."""
    try:
        if hasattr(value, "item"):  # a scalar of numpy
            return plain_json(value.item(), depth - 1)
        return plain_json(to_jsonable_python(value), depth - 1)
    except Exception:  # noqa: BLE001 - whatever a user's serializer raises
        return plain_text(value)
