"""The request and response models of single tasks, created at run time under names that SDK generators keep.

Names read ``SubmitImageThumbnail``, never generic (``Submit_Thumbnail_``). The union of all jobs is named,
and its members are told apart by a required literal ``task``: every SDK generator that was tried can read
that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from fastapi.openapi.models import Schema
from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import SchemaValidator
from typing_extensions import TypeAliasType

from jobline.domain.file_id import PATTERN
from jobline.domain.schemas import Json, input_schema, result_schema, undescribable
from jobline.domain.strictness import make_strict_validator
from jobline.domain.task import Task
from jobline.service.shapes.jobs import JobSummary, SubmitOptions


@dataclass(frozen=True)
class TaskModels:
    """The models of one task."""

    request: type[SubmitOptions]
    job: type[JobSummary]
    validator: SchemaValidator
    has_files: bool
    batch_job: type[SubmitOptions]


def make_models(task: Task[Any, Any]) -> TaskModels:
    """Create the models of one task. Any: its input and result types are known at run time only."""
    name = "".join(word.capitalize() for word in task.slug.split("_"))
    # Any: these types exist at run time only
    task_name: Any = Annotated[
        Literal[task.name],
        Field(description="Name of the task.", json_schema_extra={"pattern": make_pattern(task.name)}),
    ]
    input_: Any = Annotated[task.input, Field(description="Input of the task.")]
    result: Any = Annotated[task.result | None, Field(description="Result; null until the job succeeds.")]
    request = create_model(
        f"Submit{name}",
        __base__=SubmitOptions,
        __doc__=f"A request for a job of {task.name}.",
        input=(input_, ...),
    )
    job = create_model(
        f"{name}Job",
        __base__=JobSummary,
        __doc__=f"A job of {task.name}.",
        task=(task_name, ...),
        result=(result, ...),
    )
    batch_job = create_model(
        f"Batch{name}", __base__=request, __doc__=f"A job of {task.name} in a batch.", task=(task_name, ...)
    )
    return TaskModels(request, job, make_strict_validator(request), takes_files(task), batch_job)


def make_pattern(name: str) -> str:
    """Return the pattern of a task's name. Clients that openapi-generator writes in Go compare nothing else.

    Without it, a job that has no result is a job of every task to them. An ``enum`` does not help them, and
    makes classes `Task1`, `Task2` in datamodel-code-generator.
    """
    return f"^{name.replace('.', '[.]')}$"


def make_job_union(jobs: Iterable[type[JobSummary]]) -> Any:  # noqa: ANN401 - a type form, created at run time
    """Return the union of all jobs, named ``Job``; with a single task, or none, it is a plain job."""
    members = tuple(jobs)
    if not members:
        return create_model("Job", __base__=JobSummary, __doc__="A job.", result=(None, ...))
    if len(members) == 1:
        return TypeAliasType("Job", members[0])
    return TypeAliasType("Job", Annotated[Union[members], Field(discriminator="task")])  # noqa: UP007 - of a tuple


def takes_files(task: Task[Any, Any]) -> bool:
    """Return whether an input may refer to files; only then does validation collect them."""
    return PATTERN in find_patterns(input_schema(task))


def check_documented(task: Task[Any, Any]) -> None:
    """Raise DeclarationError for a task that the document of the API, or the catalogue, could not hold."""
    check_schema(task, "input", task.input, input_schema(task))
    check_schema(task, "result", task.result, result_schema(task))


def check_schema(task: Task[Any, Any], role: str, model: type[BaseModel], schema: Json) -> None:
    """Refuse a JSON Schema that OpenAPI cannot hold, such as one with ``examples`` that are no list."""
    try:
        Schema.model_validate(schema)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise undescribable(task, role, model, f"{place}: {first['msg']}") from None


def find_patterns(schema: object) -> Iterable[str]:
    """Yield every ``pattern`` of a JSON Schema."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        for part in schema.values():
            yield from find_patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from find_patterns(part)
