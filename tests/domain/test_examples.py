from __future__ import annotations

from typing import Any

import pytest

from jobline.domain.examples import make_example


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "maximum": 0}, 0),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "integer", "multipleOf": 5}, 5),
        ({"type": "string", "minLength": 6}, "texttext"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2030-01-01"),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"enum": ["jpeg", "png"]}, "jpeg"),
        ({"type": "string", "default": "#fff"}, "#fff"),
        ({"type": "integer", "default": 3, "examples": [4]}, 4),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"allOf": [{"type": "integer"}], "minimum": 3}, 3),
    ],
)
def test_value_fits_its_schema(schema: dict[str, Any], value: object) -> None:
    assert make_example(schema) == value


def test_optional_fields_are_shown_where_they_have_a_value_and_may_be_left_out() -> None:
    schema = {
        "properties": {
            "width": {"type": "integer", "examples": [320]},
            "format": {"$ref": "#/$defs/Format", "default": "keep"},
            "name": {"type": "string"},
            "tags": {"type": "array", "default": []},
        },
        "required": ["width"],
    }
    assert make_example(schema) == {"width": 320, "format": "keep"}
    assert make_example(schema, with_optional=False) == {"width": 320}


def test_model_that_contains_itself_has_an_end() -> None:
    """A task's model may be recursive; the document is still made."""
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}, "required": ["next"]}
    assert make_example({"$ref": "#/$defs/Node", "$defs": {"Node": node}})["next"]["next"]
