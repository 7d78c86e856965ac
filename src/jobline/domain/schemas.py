"""The JSON Schemas of a task's input and result; a task that has none is refused at start. Pure.

The document of the API holds all tasks, so a task that cannot be described would take the others' away. Two
things that pydantic writes are corrected (`Corrections`): what OpenAPI refuses, and what is not true.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from jobline.domain.errors import DeclarationError
from jobline.domain.task import Task

Json = dict[str, Any]  # Any: a JSON document


class Corrections(GenerateJsonSchema):
    """Corrections of pydantic's schemas; FastAPI's generator takes them too."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> Json:
        """Describe a discriminated union whose members may be discriminated unions themselves.

        Pydantic writes the inner union into the outer one's ``mapping``, which may hold names of schemas
        only, and the whole document is refused (pydantic#7491). The discriminator is a hint: ``oneOf`` says
        it all.
        """
        union = super().tagged_union_schema(schema)
        mapping = union.get("discriminator", {}).get("mapping", {})
        if not all(isinstance(target, str) for target in mapping.values()):
            del union["discriminator"]
        return union

    def ser_schema(
        self, schema: core_schema.SerSchema | core_schema.IncExSeqSerSchema | core_schema.IncExDictSerSchema
    ) -> Json | None:
        """Describe what a serializer writes; one of the user's that does not declare it may write anything.

        Pydantic describes the value before the serializer, which need not be what clients get.
        """
        described = super().ser_schema(schema)
        if described is None and schema["type"] in {"function-plain", "function-wrap"}:
            function: Any = schema.get("function")  # Any: a callable
            is_users = not str(getattr(function, "__module__", "")).startswith("pydantic")
            return {} if is_users else None
        return described


def input_schema(task: Task[Any, Any]) -> Json:
    """Return what the input of a task may be; raises DeclarationError, which names the task."""
    return read_schema(task, "input", task.input, "validation")


def result_schema(task: Task[Any, Any]) -> Json:
    """Return what the result of a task will be; raises DeclarationError, which names the task."""
    return read_schema(task, "result", task.result, "serialization")


def read_schema(
    task: Task[Any, Any], role: str, model: type[BaseModel], mode: Literal["validation", "serialization"]
) -> Json:
    """Return the JSON Schema of one of a task's models."""
    try:
        return model.model_json_schema(mode=mode, schema_generator=Corrections)
    except Exception as error:  # whatever a user's own schema hooks raise
        raise undescribable(task, role, model, str(error)) from error


def undescribable(task: Task[Any, Any], role: str, model: type[BaseModel], reason: str) -> DeclarationError:
    """Return the error for a model that the API's document cannot hold."""
    function, first_line = task.function, reason.strip().partition("\n")[0].rstrip(".:")
    return DeclarationError(
        f"@task({task.name!r}) on {function.__module__}.{function.__qualname__}: its {role} {model.__name__} "
        f"cannot be described as JSON Schema: {first_line}; use types that JSON has, or give the type a "
        "__get_pydantic_json_schema__"
    )
