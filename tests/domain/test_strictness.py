"""Which JSON each type accepts, and what a model may change about it."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from jobline.domain.strictness import make_strict_validator

Json = Any  # any JSON value
ID = "0199b0a0-0000-7000-8000-000000000000"


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int = 0


class Pair(NamedTuple):
    x: int = 0


class Named(TypedDict, total=False):
    x: int


class Inner(BaseModel):
    x: int = 0


class Lax(BaseModel):
    model_config = ConfigDict(strict=False)
    x: int = 0
    point: Point = Point()
    inner: Inner = Inner()


class Root(RootModel[int]):
    pass


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)
    x: int = 0


Side = TypeAliasType("Side", Annotated[int, Field(ge=1)])


class Everything(BaseModel):
    whole: int = 0
    side: Side = 1
    other_side: Side = 1
    number: float = 0
    flag: bool = False
    text: str = ""
    raw: bytes = b""
    day: date | None = None
    hour: time | None = None
    moment: datetime | None = None
    span: timedelta | None = None
    price: Decimal | None = None
    wave: complex | None = None
    host: IPv4Address | None = None
    net: IPv6Network | None = None
    id: UUID | None = None
    path: Path | None = None
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    pair: Pair = Pair()
    items: tuple[int, ...] = ()
    words: frozenset[str] = frozenset()
    counts: dict[int, int] = {}
    either: int | str = 0
    first: Annotated[int | str, Field(union_mode="left_to_right")] = 0
    wide: int | float = 0
    optional: int | None = None
    inner: Inner = Inner()
    point: Point = Point()
    named: Named = {}
    root: Root = Root(0)
    deferred: Deferred = Deferred()
    lax: Lax = Lax()
    own: Annotated[int, Field(strict=False)] = 0
    own_optional: Annotated[int | None, Field(strict=False)] = None
    converted: Annotated[int, BeforeValidator(int)] = 0


class Touched(Everything):
    """Have a validator before all others: what comes to them is Python's, and no longer JSON."""

    @model_validator(mode="before")
    @classmethod
    def touch(cls, value: Any) -> Any:
        return value


VALIDATORS = {model: make_strict_validator(model) for model in (Everything, Touched)}


def read(model: type[Everything], name: str, value: Json) -> Any:
    return getattr(VALIDATORS[model].validate_json(json.dumps({name: value})), name)


@pytest.mark.parametrize("model", VALIDATORS)
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("whole", "5", "int_type"), ("whole", True, "int_type"), ("whole", 5.5, "int_type"),
        ("whole", None, "int_type"), ("whole", 1e300, "int_type"), ("side", "5", "int_type"),
        ("other_side", "5", "int_type"), ("side", 0, "greater_than_equal"), ("number", "5", "float_type"),
        ("number", True, "float_type"), ("flag", "yes", "bool_type"), ("flag", 1, "bool_type"),
        ("text", 1, "string_type"), ("text", True, "string_type"), ("raw", 5, "bytes_type"),
        ("day", 0, "date_type"), ("hour", 5, "time_type"), ("moment", 5, "datetime_type"),
        ("moment", 5.5, "datetime_type"), ("moment", True, "datetime_type"), ("span", 5, "time_delta_type"),
        ("price", True, "decimal_type"), ("wave", 5, "complex_type"), ("host", 5, "string_type"),
        ("host", True, "string_type"), ("net", 5, "string_type"), ("level", "1", "enum"),
        ("items", ["5"], "int_type"), ("items", "5", "tuple_type"), ("counts", {"1": "1"}, "int_type"),
        ("either", True, "int_type"), ("optional", "5", "int_type"), ("inner", {"x": "5"}, "int_type"),
        ("point", {"x": "5"}, "int_type"), ("named", {"x": "5"}, "int_type"), ("pair", ["5"], "int_type"),
        ("root", "5", "int_type"), ("deferred", {"x": "5"}, "int_type"),
        ("lax", {"inner": {"x": "5"}}, "int_type"),
    ],
)  # fmt: skip
def test_other_kind_of_json_is_refused(model: type[Everything], name: str, value: Json, error: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(model, name, value)
    assert caught.value.errors()[0]["type"] == error


@pytest.mark.parametrize("model", VALIDATORS)
@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("whole", 5, 5), ("whole", 5.0, 5), ("whole", 2**70, 2**70), ("whole", 2**53 + 1, 2**53 + 1),
        ("side", 5.0, 5), ("number", 5, 5.0), ("flag", True, True), ("raw", "a", b"a"),
        ("day", "2027-01-01", date(2027, 1, 1)), ("hour", "08:00", time(8)),
        ("moment", "2027-01-01T00:00:00", datetime(2027, 1, 1)),  # noqa: DTZ001 - as it is written
        ("span", "P1D", timedelta(days=1)), ("price", "1.5", Decimal("1.5")),
        ("price", 1.5, Decimal("1.5")), ("wave", "1j", 1j), ("host", "1.2.3.4", IPv4Address("1.2.3.4")),
        ("net", "::/8", IPv6Network("::/8")), ("id", ID, UUID(ID)), ("path", "/x", Path("/x")),
        ("colour", "red", Colour.RED), ("level", 1, Level.LOW), ("items", [1, 2.0], (1, 2)),
        ("words", ["a"], frozenset("a")), ("counts", {"1": 1}, {1: 1}), ("either", "5", "5"),
        ("first", "5", "5"), ("wide", 5.0, 5.0), ("optional", None, None), ("point", {"x": 5}, Point(5)),
        ("named", {"x": 5}, {"x": 5}), ("pair", [5], Pair(5)), ("root", 5.0, Root(5)),
        ("deferred", {"x": 5}, Deferred(x=5)),
    ],
)  # fmt: skip
def test_values_of_json_are_accepted(model: type[Everything], name: str, value: Json, wanted: object) -> None:
    found = read(model, name, value)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("own", "5", 5),
        ("own_optional", "5", 5),
        ("converted", "5", 5),
        ("lax", {"x": "5", "point": {"x": "5"}}, Lax(x=5, point=Point(5))),
    ],
)
def test_field_and_model_decide_for_themselves(name: str, value: Json, wanted: object) -> None:
    assert read(Everything, name, value) == wanted


def test_model_itself_stays_as_lax_as_it_was() -> None:
    assert Everything.model_validate_json('{"whole": "5", "inner": {"x": "5"}}').inner.x == 5


def test_place_of_an_error_in_a_union_keeps_the_name_of_the_type() -> None:
    with pytest.raises(ValidationError) as caught:
        read(Everything, "either", [])
    assert [error["loc"] for error in caught.value.errors()] == [("either", "int"), ("either", "str")]
