"""The fingerprint of a request under an Idempotency-Key: equal for requests that mean the same. Pure.

It is taken from the validated request, so ``5`` and ``5.0`` of one whole number are the same, and so are a
default that is sent and one that is left out. It never asks a model's serializers: they may mask a secret or
leave out a field, and two different requests would then look the same.

A validator may return another value each time (a salted hash, the time of day). So the request is validated
twice; if the two values differ, or cannot be compared, the fingerprint is that of the JSON itself.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, from_json, to_jsonable_python

from jobline.domain.submission import digest

#: Types that are written as they are.
PLAIN = frozenset({str, int, float, bool, type(None)})
COLLECTIONS = (list, tuple, Mapping, set, frozenset)


class NotComparable(Exception):
    """A value that has no form of its own as text, such as an iterator."""


def make_fingerprint(scope: str, content: BaseModel, body: bytes, read: Callable[[bytes], BaseModel]) -> str:
    """Return the fingerprint of a request; ``read`` validates its body once more."""
    try:
        text = write_canonical(content)
        is_stable = text == write_canonical(read(body))
    except NotComparable:
        is_stable = False
    return (
        digest(scope, "validated", text)
        if is_stable
        else digest(scope, "sent", write_sorted(from_json(body)))
    )


def write_canonical(content: BaseModel) -> str:
    """Return a validated request as text that is the same for equal requests, in every process."""
    return write_sorted(to_plain(content))


def write_sorted(plain: object) -> str:
    """Return JSON that does not depend on the order of keys."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def to_plain(value: Any) -> object:  # noqa: ANN401 - what the fields of a user's model hold
    """Return a value as plain JSON values, without the serializers of models; raises NotComparable."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, BaseModel):
        return plain_model(value)
    if isinstance(value, SecretStr | SecretBytes | Secret):
        return to_plain(value.get_secret_value())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, COLLECTIONS):
        return plain_collection(value)
    return plain_scalar(value)


def plain_collection(value: Any) -> list[object]:  # noqa: ANN401 - one of COLLECTIONS
    """Return a collection as a list, in its own order if it has one."""
    if isinstance(value, list | tuple):
        return [to_plain(part) for part in value]
    if isinstance(value, Mapping):
        return sorted(([to_plain(name), to_plain(part)] for name, part in value.items()), key=write_sorted)
    return sorted((to_plain(part) for part in value), key=write_sorted)


def plain_model(model: BaseModel) -> dict[str, object]:
    """Return the fields that the client set to something else than their defaults."""
    fields, values = type(model).model_fields, model.__dict__
    plain = {
        name: to_plain(values[name])
        for name in model.model_fields_set
        if name in values and not (name in fields and is_default(fields[name], values[name]))
    }
    return plain | {f"+{name}": to_plain(value) for name, value in (model.model_extra or {}).items()}


def is_default(field: FieldInfo, value: object) -> bool:
    """Return whether a field has the value that it would have if the client had left it out."""
    if field.default is not PydanticUndefined:
        default = field.default
    elif field.default_factory is not None and not field.default_factory_takes_validated_data:
        default = field.default_factory()  # type: ignore[call-arg] # it takes no argument
    else:
        return False
    try:
        return type(default) is type(value) and bool(default == value)
    except Exception:  # noqa: BLE001 - whatever a user's ``__eq__`` raises
        return False


def plain_scalar(value: object) -> object:
    """Return a date, an address, an enum and the like as pydantic writes it."""
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, Iterator):  # a second look at it finds nothing
        raise NotComparable
    try:
        return to_jsonable_python(value)
    except (ValueError, TypeError):
        raise NotComparable from None
