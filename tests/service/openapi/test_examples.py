"""The requests that the documentation fills in are requests that the service takes."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import SchemaValidator

from jobline import Model, Task, task
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.domain.strictness import make_strict_validator
from jobline.service.app import build_app
from jobline.service.intake.jobs import read_request
from jobline.service.openapi.examples import make_input
from jobline.service.shapes.batches import make_batch_request
from jobline.service.shapes.task_models import make_models
from tests.support.tasks import simple


class Span(Model):
    """A model whose fields exclude one another."""

    day: date
    hours: Annotated[int, Field(ge=2)] = 5
    minutes: Annotated[int | None, Field(ge=0, examples=[30])] = None

    @model_validator(mode="after")
    def check(self) -> Span:
        if self.minutes is not None and "hours" in self.model_fields_set:
            raise ValueError("give hours or minutes")
        return self


class Code(BaseModel):
    """A model with an example of its own, where no rule of the schema leads to a valid one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "AB-12"}]})

    code: Annotated[str, Field(pattern="^[A-Z]{2}-[0-9]{2}$")]


class Fussy(BaseModel):
    word: str

    @model_validator(mode="after")
    def check(self) -> Fussy:
        raise RuntimeError("a defect of the user's own validator")


@task("span.measure")
def measure(order: Span) -> Span:
    return order


@task("code.read")
def read(order: Code) -> Code:
    return order


@task("fussy.read")
def fuss(order: Fussy) -> Fussy:
    return order


TASKS = [*Registry.load(Settings().tasks), *simple.ALL[:-1], measure, read]


def post(path: str) -> Any:
    document = build_app(Settings(), Registry.of(TASKS)).openapi()
    return document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]


@pytest.mark.parametrize("item", TASKS, ids=lambda item: item.name)
def test_prefilled_submit_of_every_task_is_valid(item: Task[Any, Any]) -> None:
    """Whoever presses Execute without a change gets a job, not a 422."""
    example = post(f"/v1/tasks/{item.name}/jobs")

    assert set(example) == {"input"}
    read_request(make_models(item), json.dumps(example).encode())


def test_prefilled_batch_is_valid_and_needs_no_file() -> None:
    """The batch in the documentation runs without an upload before it."""
    validator: SchemaValidator = make_strict_validator(
        make_batch_request([make_models(item).batch_job for item in TASKS])
    )
    example = post("/v1/batches")

    validator.validate_json(json.dumps(example))
    assert "file_" not in json.dumps(example)


def test_example_shows_optional_fields_unless_the_task_refuses_them() -> None:
    assert make_input(measure) == {"day": "2030-01-01"}
    assert make_input(read) == {"code": "AB-12"}


def test_validator_that_fails_does_not_take_the_document_with_it() -> None:
    assert make_input(fuss) == {"word": "text"}
