"""Make the models that belong to one task, under names that a generated SDK keeps.

Like ``SubmitImageThumbnail``, never generic (``Submit_Thumbnail_``). The union of all jobs is a named one,
whose members tell themselves apart by a required literal ``task``: what all SDK generators tried can read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, Field, create_model
from pydantic_core import SchemaValidator
from typing_extensions import TypeAliasType

from jobline.domain.file_id import PATTERN
from jobline.domain.strictness import make_strict_validator
from jobline.domain.task import Task
from jobline.service.shapes.answers import JobSummary, SubmitOptions


@dataclass(frozen=True)
class TaskModels:
    """Hold the request and the job of one task; Any: the fields are the task's own."""

    request: type[SubmitOptions]
    job: type[JobSummary]
    validator: SchemaValidator
    has_files: bool
    batch_job: type[SubmitOptions]


def make_models(task: Task[Any, Any]) -> TaskModels:
    """Create the models of one task."""
    name = "".join(word.capitalize() for word in task.slug.split("_"))
    request = create_model(
        f"Submit{name}",
        __base__=SubmitOptions,
        __doc__=f"Ask for a job of {task.name}.",
        input=(task.input, ...),
    )
    # Any: these types exist at run time only
    fields: dict[str, Any] = {"task": (Literal[task.name], ...), "result": (task.result | None, ...)}
    job = create_model(f"{name}Job", __base__=JobSummary, __doc__=f"Hold a job of {task.name}.", **fields)
    named: dict[str, Any] = {"task": (Literal[task.name], ...)}
    batch_doc = f"Ask for a job of {task.name} in a batch."
    batch_job = create_model(f"Batch{name}", __base__=request, __doc__=batch_doc, **named)
    return TaskModels(request, job, make_strict_validator(request), takes_files(task.input), batch_job)


def unite(jobs: Iterable[type[JobSummary]]) -> Any:  # noqa: ANN401 - a type form, made at run time
    """Name the union of all jobs ``Job``, with its discriminator; of no task at all it is a plain job."""
    members = tuple(jobs)
    if not members:
        return create_model("Job", __base__=JobSummary, __doc__="Hold a job.", result=(None, ...))
    if len(members) == 1:
        return TypeAliasType("Job", members[0])
    return TypeAliasType("Job", Annotated[Union[members], Field(discriminator="task")])  # noqa: UP007 - of a tuple


def takes_files(model: type[BaseModel]) -> bool:
    """Claim that an input may name files: only then are claims collected while it is validated."""
    return PATTERN in find_patterns(model.model_json_schema())


def find_patterns(schema: object) -> Iterable[str]:
    """Walk a JSON Schema for its patterns."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        for part in schema.values():
            yield from find_patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from find_patterns(part)
