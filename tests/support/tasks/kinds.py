"""Inputs whose dump is not what was sent: masked, renamed, left out, changed, or bound to a time."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FutureDatetime,
    Json,
    PastDate,
    PlainSerializer,
    SecretBytes,
    SecretStr,
    computed_field,
    field_serializer,
    model_serializer,
)

from jobline import FileId, Model, Task, task

LONG_NUMBER = 12345678901234567890123456789012345678901234567890
FILE = "file_" + "1" * 32


class Secrets(Model):
    token: SecretStr
    raw: SecretBytes = SecretBytes(b"")


class Renamed(BaseModel):
    user_id: Annotated[int, Field(validation_alias="userId")]
    name: Annotated[str, Field(validation_alias=AliasChoices("fullName", AliasPath("names", 0)))] = "nobody"
    size: Annotated[int, Field(alias="Size", serialization_alias="SIZE")] = 1


class Computed(Model):
    width: int

    @computed_field  # type: ignore[prop-decorator] # as pydantic documents it
    @property
    def area(self) -> int:
        return self.width**2


class Hidden(Model):
    """A field that dumps leave out, and fields that dumps change."""

    internal: Annotated[str, Field(exclude=True)]
    card: Annotated[str, PlainSerializer(lambda value: "…" + value[-4:])]
    masked: str = "x"

    @field_serializer("masked")
    def mask(self, value: str) -> str:
        return "*" * len(value)


class Whole(BaseModel):
    text: str

    @model_serializer
    def write(self) -> str:
        return "whole"


class Changed(Model):
    cents: Annotated[int, AfterValidator(lambda euros: euros * 100)]
    digest: Annotated[str, BeforeValidator(lambda text: f"<{text}>")] = ""


class Salted(Model):
    password: Annotated[str, AfterValidator(lambda text: f"{text}:{secrets.token_hex(8)}")]


class Stamped(Model):
    text: str = ""
    id: UUID = Field(default_factory=uuid4)


class Timed(Model):
    at: FutureDatetime
    born: PastDate | None = None


@dataclass
class Part:
    count: int
    note: Annotated[str, Field(exclude=True)] = field(default="")


class Mixed(BaseModel):
    model_config = ConfigDict(extra="allow")

    settings: Json[dict[str, int]] = Field(default_factory=dict)
    number: int = 0
    price: Decimal = Decimal(0)
    data: Base64Bytes = b""
    part: Part | None = None
    lines: Iterable[int] = ()
    kind: Literal["a", "b"] = "a"
    anything: Any = None


class Numbers(BaseModel):
    """A plain model, which allows what JSON cannot express."""

    number: float = 0.0
    optional: float | None = None
    nested: list[dict[str, float | str]] = []
    anything: Any = None


class WithFile(Model):
    file: FileId
    token: SecretStr
    until: FutureDatetime | None = None


class Done(Model):
    ok: bool = True


def make(model: type[BaseModel]) -> Task[Any, Any]:
    """Return a task that takes this input."""

    def function(order: BaseModel) -> Done:
        return Done()

    function.__annotations__ = {"order": model, "return": Done}
    return task(f"kinds.{model.__name__.lower()}")(function)


MODELS: tuple[type[BaseModel], ...] = (
    Secrets, Renamed, Computed, Hidden, Whole, Changed, Salted, Stamped, Timed, Mixed, Numbers, WithFile,
)  # fmt: skip
TASKS = {model: make(model) for model in MODELS}
