"""Validate JSON as its JSON Schema describes it: no text becomes a number, no number becomes true.

pydantic is lax by default: it takes ``"5"`` for an integer and ``"yes"`` for a boolean, which no document
says. Its own strict mode refuses these, but also the whole number ``5.0``, and, behind a ``mode="before"``
validator, every date, tuple and set; and a model has no say in it. So the few types that turn one kind of
JSON into another are made strict one by one, where neither the field nor its model says ``strict=``. All else
stays as the model's author declared it.

Private name used, and only here: ``_use_prebuilt`` of `SchemaValidator`. Without it pydantic takes the lax
validator that each model class has built for itself. ``tests/domain/test_strictness.py`` fails when it is
renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticKnownError, SchemaValidator, core_schema

# A part of a core schema: a node, a list of nodes, a mapping of names to nodes, a label.
Part = Any

#: Where a node has others below it. What else it has (defaults, metadata, serializers) is no schema; the keys
#: of an object are text, whatever they are read as.
BELOW = frozenset({
    "arguments_schema", "choices", "definitions", "extras_schema", "fields", "items_schema", "json_schema",
    "lax_schema", "python_schema", "schema", "steps", "strict_schema", "values_schema",
})  # fmt: skip
#: Under these, keys are the names of fields or of choices, and no words of pydantic's.
NAMED = frozenset({"choices", "fields"})


def make_strict_validator(model: type[BaseModel]) -> SchemaValidator:
    """Build the validator of JSON that comes from outside; the model's own stays as lax as it is."""
    schema = dict(TypeAdapter(model).core_schema)  # no dict yet where the model defers its build
    return SchemaValidator(tighten(schema), _use_prebuilt=False)


def tighten(node: Part, *, is_decided: bool = False) -> Part:
    """Copy a node with strict leaves; those of a model that has decided on strictness stay as they are."""
    if isinstance(node, list | tuple):
        return type(node)(tighten(one, is_decided=is_decided) for one in node)
    if not isinstance(node, dict):
        return node
    if "config" in node:
        is_decided = node["config"].get("strict") is not None
    if kind_of(node) in LEAVES:
        return node if is_decided or "strict" in node else tighten_leaf(node)
    below = {name: tighten_below(name, node[name], is_decided=is_decided) for name in node.keys() & BELOW}
    return {**node, **below}


def tighten_below(name: str, part: Part, *, is_decided: bool) -> Part:
    """Copy what stands under one key of a node."""
    if name in NAMED and isinstance(part, dict):
        return {key: tighten(one, is_decided=is_decided) for key, one in part.items()}
    if name == "choices":
        part = [keep_label(one) for one in part]
    return tighten(part, is_decided=is_decided)


def keep_label(choice: Part) -> Part:
    """Give a leaf in a union its own name, which stands in the place of an error."""
    is_leaf = isinstance(choice, dict) and kind_of(choice) in LEAVES
    return (choice, kind_of(choice)) if is_leaf else choice


def tighten_leaf(node: Part) -> Part:
    """Give the strict counterpart; what refers to the one refers to the other."""
    tight = LEAVES[kind_of(node)]({name: part for name, part in node.items() if name != "ref"})
    return {**tight, "ref": node["ref"]} if "ref" in node else tight


def kind_of(node: Part) -> str:
    """Name the type of a node; of an IP address or network, which is a function of anything, ``address``."""
    if node.get("type") == "lax-or-strict" and node["lax_schema"]["type"] == "function-plain":
        return "address"
    return str(node.get("type"))


def make_strict(node: Part) -> Part:
    """Take this kind of JSON alone."""
    return {**node, "strict": True}


def make_whole(node: Part) -> Part:
    """Take whole numbers, also with a fraction of zero (JSON Schema 2020-12, Validation, 6.1.1)."""
    whole = core_schema.union_schema(
        [
            core_schema.int_schema(strict=True),
            core_schema.chain_schema([core_schema.float_schema(strict=True), core_schema.int_schema()]),
        ],
        mode="left_to_right",
        custom_error_type="int_type",
    )
    return core_schema.chain_schema([whole, node])


def refuse_number(word: str) -> Callable[[Part], Part]:
    """Take text alone for what pydantic reads of numbers, too; ``word`` is its own for the refusal."""

    def check(value: object) -> object:
        if isinstance(value, int | float):
            raise PydanticKnownError(word)  # type: ignore[arg-type] # one of those in LEAVES
        return value

    return lambda node: core_schema.no_info_before_validator_function(check, node)


LEAVES: dict[str, Callable[[Part], Part]] = {
    "int": make_whole,
    "float": make_strict,
    "bool": make_strict,
    "enum": make_strict,
    "date": refuse_number("date_type"),
    "time": refuse_number("time_type"),
    "datetime": refuse_number("datetime_type"),
    "timedelta": refuse_number("time_delta_type"),
    "complex": refuse_number("complex_type"),
    "address": refuse_number("string_type"),
}
