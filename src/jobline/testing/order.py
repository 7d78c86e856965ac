"""From a task's input, as a model or a mapping, to the JSON that a client would send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    EncodedBytes,
    EncodedStr,
    Json,
    Secret,
    SecretBytes,
    SecretStr,
)
from pydantic.fields import FieldInfo
from pydantic_core import to_json, to_jsonable_python


def write_order(order: BaseModel | Mapping[str, object]) -> bytes:
    """Return the JSON of an input; secrets and excluded fields are in it, as a client would send them."""
    return to_json(to_sent(order))


def to_sent(value: Any) -> Any:  # noqa: ANN401 - what the fields of a model hold
    """Return a value as plain JSON values, without the serializers of models."""
    if isinstance(value, BaseModel):
        return model_to_sent(value)
    if isinstance(value, SecretStr | SecretBytes | Secret):
        return to_sent(value.get_secret_value())
    if isinstance(value, Mapping):
        return {name: to_sent(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_sent(part) for part in value]
    return to_jsonable_python(value)


def model_to_sent(model: BaseModel) -> Any:  # noqa: ANN401 - an object, or the value of a RootModel
    """Return a model under the names by which its fields are read."""
    fields, sent = type(model).model_fields, dict(model.model_extra or {})
    if type(model).__pydantic_root_model__:
        return to_sent(model.__dict__["root"])
    for name, field in fields.items():
        put(sent, path_of(field, name), field_to_sent(field, model.__dict__[name]))
    return sent


def path_of(field: FieldInfo, name: str) -> list[str | int]:
    """Return where a field is read: its name, its alias, or a path of the first of its aliases."""
    alias = field.validation_alias or field.alias or name
    if isinstance(alias, AliasChoices):
        alias = alias.choices[0]
    return list(alias.path) if isinstance(alias, AliasPath) else [alias]


def put(sent: dict[str, Any], path: list[str | int], value: object) -> None:
    """Put a value at a path; steps into lists make lists as long as they must be."""
    place: Any = sent
    for step, below in zip(path, [*path[1:], None], strict=True):
        if isinstance(place, list):
            place.extend([None] * (int(step) + 1 - len(place)))
        if below is None:
            place[step] = value
            return
        if isinstance(place, dict):
            place.setdefault(step, [] if isinstance(below, int) else {})
        elif place[step] is None:
            place[step] = [] if isinstance(below, int) else {}
        place = place[step]


def field_to_sent(field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - what a field holds
    """Return the value of a field in the form from which the field reads it."""
    for kind in (field.annotation, *field.metadata):
        if isinstance(kind, EncodedBytes) and isinstance(value, bytes):
            value = kind.encode(value)
        elif isinstance(kind, EncodedStr) and isinstance(value, str):
            value = kind.encode_str(value)
        elif kind is Json or type(kind) is Json:
            return to_json(to_sent(value)).decode()
    return to_sent(value)
