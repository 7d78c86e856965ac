"""An example of an input, made from its JSON Schema: the author's values, else the plainest valid ones.

A schema cannot state every rule of a model, so the caller validates what it gets, and may ask for less.
"""

from __future__ import annotations

from typing import Any, TypeAlias

#: Any: JSON values of every kind.
Json: TypeAlias = dict[str, Any]
FORMATS = {
    "date-time": "2030-01-01T12:00:00Z",
    "date": "2030-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "019a2b3c-0000-7000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
TEXT = "text"
NUMBERS = frozenset({"integer", "number"})
#: A model that contains itself ends here.
MAX_DEPTH = 8


def make_example(schema: Json, *, with_optional: bool = True) -> Any:  # noqa: ANN401 - any JSON value
    """Return an example of a whole schema; without ``with_optional``, of its required fields alone."""
    return Sampler(schema, with_optional=with_optional).sample(schema)


class Sampler:
    """Makes values for the parts of one schema, whose references it follows."""

    def __init__(self, root: Json, *, with_optional: bool) -> None:
        self._root = root
        self._with_optional = with_optional

    def sample(self, schema: Json, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
        """Return the author's example or default, else a value made from the type and its bounds."""
        for given in ("examples", "enum"):
            if schema.get(given):
                return schema[given][0]
        for given in ("example", "default", "const"):
            if given in schema:
                return schema[given]
        if depth > MAX_DEPTH:
            return None
        part = self._resolve(schema)
        return self._sample_type(schema, depth) if part is None else self.sample(part, depth + 1)

    def _resolve(self, schema: Json) -> Json | None:
        """Return the schema that another one refers to or chooses first; None for a plain one."""
        if "$ref" in schema:
            return self._find(schema["$ref"])
        if kinds := schema.get("anyOf") or schema.get("oneOf"):
            return next((kind for kind in kinds if kind.get("type") != "null"), {})
        if parts := schema.get("allOf"):
            return {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
        return None

    def _sample_type(self, schema: Json, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._sample_object(schema, depth)
        if kind == "array":
            items = [self.sample(part, depth + 1) for part in schema.get("prefixItems", ())]
            missing = max(0, schema.get("minItems", 0) - len(items))
            return items + [self.sample(schema.get("items") or {}, depth + 1) for _ in range(missing)]
        if kind == "boolean":
            return True
        if kind in NUMBERS:
            return sample_number(schema, step=1 if kind == "integer" else 0.5)
        return None if kind == "null" else sample_text(schema)

    def _sample_object(self, schema: Json, depth: int) -> Json:
        required = schema.get("required", ())
        found = {}
        for name, field in schema.get("properties", {}).items():
            if name in required:
                found[name] = self.sample(field, depth + 1)
            elif self._with_optional and is_set(value := find_given(field)):
                found[name] = value
        return found

    def _find(self, reference: str) -> Json:
        target: Json = self._root
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step, {})
        return target


def find_given(field: Json) -> object:
    """Return the author's example or default of a field, or None."""
    examples = field.get("examples") or [field.get("example", field.get("default"))]
    value: object = examples[0]
    return value


def is_set(value: object) -> bool:
    """Return whether a value tells more than the absence of its field."""
    return value is not None and value not in ([], {}, "")


def sample_number(schema: Json, step: float) -> float:
    """Return 1, or the number nearest to it within the bounds."""
    value: float = 1
    if "multipleOf" in schema:
        value = schema["multipleOf"]
    if "minimum" in schema:
        value = max(value, schema["minimum"])
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        value = schema["exclusiveMinimum"] + step
    if "maximum" in schema:
        value = min(value, schema["maximum"])
    if "exclusiveMaximum" in schema and value >= schema["exclusiveMaximum"]:
        value = schema["exclusiveMaximum"] - step
    return int(value) if value == int(value) else value


def sample_text(schema: Json) -> str:
    """Return a text of the format and the length."""
    text = FORMATS.get(schema.get("format", ""), TEXT)
    length = schema.get("minLength", 0)
    return (text * (length // len(text) + 1) if length > len(text) else text)[: schema.get("maxLength", 1000)]
