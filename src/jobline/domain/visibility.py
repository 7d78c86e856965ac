"""Whether people may see the whole of an input, in answers and in Celery's events. Pure.

The ledger stores the input as the client sent it, secrets included. A model says what of it may be shown: by
`SecretStr`, ``exclude=True``, or a serializer of its own.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

OWN_SERIALIZERS = frozenset({"function-plain", "function-wrap"})


def hides_input(model: type[BaseModel]) -> bool:
    """Return whether a model masks or leaves out a part of what was sent."""
    return hides(TypeAdapter(model).core_schema)


def hides(part: Any) -> bool:  # noqa: ANN401 - a part of pydantic's core schema
    """Return whether a part of a core schema has an excluded field or a serializer of its own."""
    if isinstance(part, list | tuple):
        return any(hides(one) for one in part)
    if not isinstance(part, dict):
        return False
    if part.get("serialization_exclude"):
        return True
    serializer = part.get("serialization")
    if isinstance(serializer, dict) and serializer.get("type") in OWN_SERIALIZERS:
        return True
    return any(hides(below) for name, below in part.items() if name not in {"metadata", "default"})
