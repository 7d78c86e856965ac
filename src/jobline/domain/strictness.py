"""Validation of JSON as its JSON Schema describes it: no string becomes a number, no number becomes true.

pydantic is lax by default: it accepts ``"5"`` as an integer and ``"yes"`` as a boolean, although the schema
says otherwise. Its own strict mode refuses these, but it also refuses the whole number ``5.0`` and, behind a
``mode="before"`` validator, every date, tuple and set; and a model cannot opt out. So only the types that
turn one kind of JSON into another are made strict, one by one, where neither the field nor its model says
``strict=``. Everything else stays as the model's author declared it.

One private name is used, and only here: ``_use_prebuilt`` of `SchemaValidator`. Without it pydantic uses the
lax validator that each model class has already built. ``tests/domain/test_strictness.py`` fails when it is
renamed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticKnownError, SchemaValidator, core_schema

# A part of a core schema: a node, a list of nodes, a mapping of names to nodes, or a label.
Part = Any

#: The keys under which a node has other nodes. Its other keys (defaults, metadata, serializers) hold no
#: schema. ``keys_schema`` is left out: the keys of a JSON object are always strings.
BELOW = frozenset({
    "arguments_schema", "choices", "definitions", "extras_schema", "fields", "items_schema", "json_schema",
    "lax_schema", "python_schema", "schema", "steps", "strict_schema", "values_schema",
})  # fmt: skip
#: Under these, the keys are names of fields or of choices, not words of pydantic.
NAMED = frozenset({"choices", "fields"})
#: The nodes that may compare a value with the current time.
CLOCKED = frozenset({"date", "datetime"})


def make_strict_validator(model: type[BaseModel], *, at_any_time: bool = False) -> SchemaValidator:
    """Return a validator for JSON from clients; the model's own validator stays as lax as it is.

    ``at_any_time`` leaves out the checks that a date lies in the future or in the past.
    """
    schema = tighten(dict(TypeAdapter(model).core_schema))  # not a dict yet if the model defers its build
    return SchemaValidator(forget_clock(schema) if at_any_time else schema, _use_prebuilt=False)


def forget_clock(node: Part) -> Part:
    """Return a copy of a node without what compares a date with the current time."""
    if isinstance(node, list | tuple):
        return type(node)(forget_clock(one) for one in node)
    if not isinstance(node, dict):
        return node
    copy = dict(node)
    if kind_of(node) in CLOCKED:
        copy.pop("now_op", None)
    for name in node.keys() & BELOW:
        part = node[name]
        is_named = name in NAMED and isinstance(part, dict)
        copy[name] = {key: forget_clock(one) for key, one in part.items()} if is_named else forget_clock(part)
    return copy


def tighten(node: Part, *, is_decided: bool = False) -> Part:
    """Return a copy of a node with strict leaves, except those of a model that sets ``strict`` itself."""
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
    """Return a copy of the part under one key of a node."""
    if name in NAMED and isinstance(part, dict):
        return {key: tighten(one, is_decided=is_decided) for key, one in part.items()}
    if name == "choices":
        part = [keep_label(one) for one in part]
    return tighten(part, is_decided=is_decided)


def keep_label(choice: Part) -> Part:
    """Return a choice of a union with its type as label, which is part of an error's location."""
    is_leaf = isinstance(choice, dict) and kind_of(choice) in LEAVES
    return (choice, kind_of(choice)) if is_leaf else choice


def tighten_leaf(node: Part) -> Part:
    """Return the strict counterpart of a leaf; references to the leaf then point to it."""
    tight = LEAVES[kind_of(node)]({name: part for name, part in node.items() if name != "ref"})
    return {**tight, "ref": node["ref"]} if "ref" in node else tight


def kind_of(node: Part) -> str:
    """Return the type of a node; ``address`` for IP addresses and networks, functions in pydantic."""
    if node.get("type") == "lax-or-strict" and node["lax_schema"]["type"] == "function-plain":
        return "address"
    return str(node.get("type"))


def make_strict(node: Part) -> Part:
    """Return a node that accepts this kind of JSON only."""
    return {**node, "strict": True}


def make_finite(node: Part) -> Part:
    """Return a node that accepts numbers only, and no number so large that it becomes infinite."""
    return {**node, "strict": True, "allow_inf_nan": False}


def make_whole(node: Part) -> Part:
    """Return a node that accepts whole numbers, also ``5.0`` (JSON Schema 2020-12, Validation, 6.1.1)."""
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
    """Return a wrapper for types that pydantic also reads from numbers; ``word`` is its error's type."""

    def check(value: object) -> object:
        if isinstance(value, int | float):
            raise PydanticKnownError(word)  # type: ignore[arg-type] # one of those in LEAVES
        return value

    return lambda node: core_schema.no_info_before_validator_function(check, node)


LEAVES: dict[str, Callable[[Part], Part]] = {
    "int": make_whole,
    "float": make_finite,
    "bool": make_strict,
    "enum": make_strict,
    "date": refuse_number("date_type"),
    "time": refuse_number("time_type"),
    "datetime": refuse_number("datetime_type"),
    "timedelta": refuse_number("time_delta_type"),
    "complex": refuse_number("complex_type"),
    "address": refuse_number("string_type"),
}
