"""From what a task returned to the JSON that the ledger stores. Pure.

The worker and `jobline.testing` apply the same rules, so a test sees each refusal that a job would see.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, core_schema, to_json

from jobline.domain.errors import TaskError
from jobline.domain.task import Result, Task

# A part of a core schema: a node, a list of nodes, or a label.
Part = Any
#: The nodes of a core schema that name a field.
FIELDS = frozenset({"model-field", "typed-dict-field", "dataclass-field"})
#: The keys of a node that hold no schema.
LITERAL = frozenset({"metadata", "serialization", "default", "expected", "config"})


def check_result(task: Task[Any, Result], value: object, limit_bytes: int) -> tuple[Result, bytes]:
    """Return what a task returned, as its result model and as JSON.

    Raises TaskError ``result.invalid``, ``result.not_json`` or ``result.too_large``.
    """
    try:
        result = task.result_adapter.validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'result'}: {part['msg']}"
            for part in error.errors(include_input=False, include_url=False)
        )
        raise TaskError("result.invalid", f"The result is not a {task.result.__name__}: {wrong}") from None
    try:
        plain = task.result_adapter.dump_python(result, mode="json", by_alias=True)
        content = write_json(plain)
    except (ValueError, TypeError) as error:
        raise TaskError("result.not_json", f"The result cannot be written as JSON: {error}") from None
    if len(content) > limit_bytes:
        raise TaskError(
            "result.too_large",
            f"The result has {len(content):,} bytes of JSON, the limit is {limit_bytes:,}; "
            "write an artifact instead.",
        )
    return result, content


def read_result(task: Task[Any, Result], content: bytes | str) -> Result:
    """Return the result model of a job's result (JSON), as a client in Python reads it.

    Fields are found under the names of the answer; those that only the answer has (computed fields) are left
    out, and those that it does not have (``exclude=True``) are None.
    """
    result: Result = make_answer_reader(task.result).validate_json(content)
    return result


@cache
def make_answer_reader(model: type[BaseModel]) -> SchemaValidator:
    """Return the validator of what a model's serializer wrote."""
    return SchemaValidator(rename(dict(TypeAdapter(model).core_schema)), _use_prebuilt=False)


def rename(part: Part) -> Part:
    """Return a copy of a core schema that finds its fields under the aliases of its serializer."""
    if isinstance(part, list | tuple):
        return type(part)(rename(one) for one in part)
    if not isinstance(part, dict):
        return part
    copy = {name: below if name in LITERAL else rename(below) for name, below in part.items()}
    if "config" in copy:
        copy["config"] = {**copy["config"], "extra_fields_behavior": "ignore"}
    if copy.get("type") in FIELDS:
        copy.pop("validation_alias", None)
        if alias := copy.get("serialization_alias"):
            copy["validation_alias"] = alias
        if copy.get("serialization_exclude"):
            copy["schema"] = core_schema.with_default_schema(copy["schema"], default=None)
    if copy.get("extra_behavior") == "forbid":
        copy["extra_behavior"] = "ignore"
    return copy


def write_json(plain: object) -> bytes:
    """Return plain values as JSON; raises ValueError for NaN and infinity, which JSON cannot express."""
    content = to_json(plain, inf_nan_mode="constants")
    if b"NaN" in content or b"Infinity" in content:  # perhaps only inside a string
        json.dumps(plain, allow_nan=False)
    return content
