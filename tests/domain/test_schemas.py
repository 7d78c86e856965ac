from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from jobline import DeclarationError, Model, Task, task
from jobline.domain.registry import Registry
from jobline.domain.schemas import input_schema
from jobline.domain.settings import Settings
from jobline.service.app import build_app
from tests.support.tasks import kinds


class BlackCat(Model):
    pet: Literal["cat"]
    colour: Literal["black"]


class WhiteCat(Model):
    pet: Literal["cat"]
    colour: Literal["white"]


class Dog(Model):
    pet: Literal["dog"]


class Owner(Model):
    """A discriminated union within another."""

    pet: Annotated[
        Annotated[BlackCat | WhiteCat, Field(discriminator="colour")] | Dog, Field(discriminator="pet")
    ]


class Calling(BaseModel):
    call: Callable[[int], int]


class Opaque:
    pass


class Holding(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    part: Opaque


class Exemplary(BaseModel):
    number: Annotated[int, Field(json_schema_extra={"examples": "no list"})]


class Broken(BaseModel):
    @classmethod
    def __get_pydantic_json_schema__(cls, *_: Any) -> Any:
        raise RuntimeError("no schema today")


def declare(order: type[BaseModel], made: type[BaseModel], name: str = "odd.one") -> Task[Any, Any]:
    def function(order: BaseModel) -> BaseModel:
        return order

    function.__annotations__ = {"order": order, "return": made}
    return task(name)(function)


def test_unions_within_unions_are_documented() -> None:
    """One such model took ``/openapi.json`` and ``/docs`` away, for all tasks."""
    registry = Registry.of([declare(Owner, Owner), *kinds.TASKS.values()])
    schemas = build_app(Settings(), registry).openapi()["components"]["schemas"]

    cats, dog = schemas["Owner"]["properties"]["pet"]["oneOf"]
    assert cats["discriminator"]["propertyName"] == "colour"
    assert dog == {"$ref": "#/components/schemas/Dog"}
    assert "discriminator" not in input_schema(registry.get("odd.one"))["properties"]["pet"]


@pytest.mark.parametrize("model", [Calling, Holding, Exemplary, Broken])
@pytest.mark.parametrize("role", ["input", "result"])
def test_task_that_cannot_be_documented_is_refused_by_its_name(model: type[BaseModel], role: str) -> None:
    """The document is whole or the start fails; a request never meets the fault of one task."""
    odd = declare(model, Dog) if role == "input" else declare(Dog, model)
    with pytest.raises(DeclarationError, match=rf"@task\('odd.one'\).*its {role} {model.__name__} cannot be"):
        build_app(Settings(), Registry.of([odd]))


def test_pydantic_still_needs_the_correction() -> None:
    """When this fails, pydantic describes nested unions by itself: remove the correction."""
    mapping = Owner.model_json_schema()["properties"]["pet"]["discriminator"]["mapping"]
    assert not all(isinstance(target, str) for target in mapping.values())
