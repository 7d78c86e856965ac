from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from jsonschema_rs import Draft202012Validator  # comes with schemathesis
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, Json, PlainSerializer, computed_field
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from jobline import Model, Task, TaskError, task
from jobline.domain.result import check_result, read_result
from jobline.domain.schemas import result_schema


class Made(BaseModel):
    value: float | str | list[float]


@task("make.it")
def make(order: Made) -> Made:
    return order


@pytest.mark.parametrize("value", [1.5, "NaN", "Infinity and beyond", [1.0]])
def test_result_is_returned_as_model_and_as_json(value: Any) -> None:
    result, content = check_result(make, Made(value=value), 100)
    assert result == Made(value=value)
    assert Made.model_validate_json(content) == result


def test_mapping_that_fits_is_a_result() -> None:
    assert check_result(make, {"value": 1.5}, 100) == (Made(value=1.5), b'{"value":1.5}')


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "result.invalid"),
        ({"wrong": 1}, "result.invalid"),
        (Made(value=math.nan), "result.not_json"),
        (Made(value=[math.inf]), "result.not_json"),
        (Made(value="x" * 100), "result.too_large"),
    ],
)
def test_result_that_no_client_could_read_is_refused(value: Any, code: str) -> None:
    with pytest.raises(TaskError) as caught:
        check_result(make, value, 100)
    assert caught.value.code == code


class Place(BaseModel):
    zip_code: Annotated[str, Field(alias="zipCode")]


class Named(TypedDict):
    full_name: Annotated[str, Field(alias="fullName")]


@dataclass
class Size:
    width: Annotated[int, Field(serialization_alias="W")] = 1


class Camel(Model):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    user_id: int
    home: Place
    places: list[Place]
    by_name: dict[str, Place]
    who: Named
    size: Size = Size()
    price: Decimal = Decimal("1.50")
    took: timedelta = timedelta(minutes=1)
    secret: Annotated[str, Field(exclude=True)] = "x"
    hidden: Annotated[int | None, Field(exclude_if=lambda value: value is None)] = None
    as_text: Annotated[int, PlainSerializer(lambda value: f"<{value}>")] = 1
    data: Base64Bytes = b"aGk="
    settings: Json[dict[str, int]]

    @computed_field  # type: ignore[prop-decorator] # as pydantic documents it
    @property
    def home_zip(self) -> str:
        return self.home.zip_code


@task("make.camel")
def make_camel(order: Made) -> Camel:
    return CAMEL


CAMEL = Camel.model_validate({
    "user_id": 2, "home": {"zipCode": "1"}, "places": [{"zipCode": "2"}], "by_name": {"a": {"zipCode": "3"}},
    "who": {"fullName": "Ada"}, "settings": '{"a": 1}',
})  # fmt: skip


def test_result_is_written_under_the_names_of_the_document() -> None:
    """A client that was generated from the document looks for ``userId``, at every depth."""
    _, content = check_result(make_camel, CAMEL, 10_000)
    wire = json.loads(content)

    assert (wire["userId"], wire["home"], wire["who"]) == (2, {"zipCode": "1"}, {"fullName": "Ada"})
    assert (wire["places"], wire["byName"]) == ([{"zipCode": "2"}], {"a": {"zipCode": "3"}})
    assert (wire["size"], wire["homeZip"], "secret" in wire) == ({"W": 1}, "1", False)
    assert list(Draft202012Validator(result_schema(make_camel)).iter_errors(wire)) == []


def test_result_is_read_back_under_the_names_of_the_document() -> None:
    """A client in Python gets the model from the answer, computed and excluded fields aside."""
    _, content = check_result(make_camel, CAMEL, 10_000)
    read = read_result(make_task(Plain), check_result(make_task(Plain), Plain(user_id=3), 100)[1])
    assert read == Plain(user_id=3)
    assert read.next_id == 4
    with pytest.raises(ValueError, match="asText"):  # what a serializer changed cannot be read
        read_result(make_camel, content)


class Plain(Model):
    user_id: Annotated[int, Field(serialization_alias="userId")]
    secret: Annotated[str | None, Field(exclude=True)] = None

    @computed_field  # type: ignore[prop-decorator] # as pydantic documents it
    @property
    def next_id(self) -> int:
        return self.user_id + 1


def make_task(model: type[BaseModel]) -> Task[Any, Any]:
    def function(order: Made) -> BaseModel:
        return order

    function.__annotations__["return"] = model
    function.__annotations__["order"] = Made
    return task("make.plain")(function)
