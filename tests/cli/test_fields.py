from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobline.cli.fields import InputError, read_input, set_options

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {
        "Size": {"type": "object", "properties": {"width": {"type": "integer"}}},
        "Format": {"enum": ["jpeg", "png"]},
    },
    "properties": {
        "title": {"type": "string"},
        "width": {"type": "integer"},
        "ratio": {"type": "number"},
        "fast": {"type": "boolean"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "words": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"$ref": "#/$defs/Size"}},
        "resize": {"anyOf": [{"$ref": "#/$defs/Size"}, {"type": "null"}]},
        "format": {"$ref": "#/$defs/Format"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "max_age": {"type": "integer"},
        "url": {"type": "string"},
        "any": {},
    },
}


def options(*words: str) -> dict[str, Any]:
    target: dict[str, Any] = {}
    set_options(target, words, SCHEMA)
    return target


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--title", "320"], {"title": "320"}),
        (["--width", "320"], {"width": 320}),
        (["--width=-1"], {"width": -1}),
        (["--width", "-1"], {"width": -1}),
        (["--ratio", "2"], {"ratio": 2}),
        (["--ratio", "0.5"], {"ratio": 0.5}),
        (["--fast"], {"fast": True}),
        (["--fast", "--width", "1"], {"fast": True, "width": 1}),
        (["--fast", "false"], {"fast": False}),
        (["--limit", "null"], {"limit": None}),
        (["--limit", "3"], {"limit": 3}),
        (["--words", "a", "--words", "7"], {"words": ["a", "7"]}),
        (["--words", '["a", "b"]'], {"words": ["a", "b"]}),
        (["--sizes", '{"width": 1}'], {"sizes": [{"width": 1}]}),
        (["--resize.width", "4"], {"resize": {"width": 4}}),
        (["--format", "png"], {"format": "png"}),
        (["--labels.colour", "5"], {"labels": {"colour": "5"}}),
        (["--max-age", "9"], {"max_age": 9}),
        (["--input.url", "http://x"], {"url": "http://x"}),
        (["--any", "[1]"], {"any": [1]}),
        (["--any", "word"], {"any": "word"}),
    ],
)
def test_value_has_the_type_of_its_schema(words: list[str], expected: dict[str, Any]) -> None:
    assert options(*words) == expected


@pytest.mark.parametrize("words", [["--width", "wide"], ["--width", "1.5"], ["--width", "true"]])
def test_value_of_a_wrong_type_is_refused_before_it_is_sent(words: list[str]) -> None:
    with pytest.raises(InputError, match="--width must be integer"):
        options(*words)


def test_unknown_field_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no field 'widht'; its fields are: any, fast, .*width, words"):
        options("--widht", "1")


@pytest.mark.parametrize(
    ("words", "reason"), [(["--width"], "needs a value"), (["320"], "belongs to no option")]
)
def test_stray_word_is_refused(words: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        options(*words)


def test_input_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text('{"width": 1}')
    assert read_input(f"@{path}") == {"width": 1} == read_input('{"width": 1}')


@pytest.mark.parametrize("text", ["{", "[1]", "@/does/not/exist"])
def test_wrong_input_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as error:
        read_input(text)
    assert "\n" not in str(error.value)
