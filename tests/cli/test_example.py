from __future__ import annotations

from typing import Any

import pytest

from jobline.cli.example import example_words


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ({"type": "string"}, "text"),
        ({"type": "integer", "minimum": 3}, "3"),
        ({"type": "number", "examples": [2.5]}, "2.5"),
        ({"type": "string", "examples": ["two words"]}, "'two words'"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "'[\"text\"]'"),
        ({"type": "boolean"}, "true"),
    ],
)
def test_field_has_its_own_example_its_lower_bound_or_one_of_its_type(
    field: dict[str, Any], word: str
) -> None:
    assert example_words({"properties": {"a_b": field}, "required": ["a_b"]}).endswith(f" --a-b {word}")


def test_fields_that_may_be_left_out_are() -> None:
    assert example_words({"properties": {"a": {"type": "string"}}}) == ""
