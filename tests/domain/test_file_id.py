from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from jobline import FileId, FileRule, Model
from jobline.domain.file_id import FileReferences

ONE, TWO, ART = "file_" + "1" * 32, "file_" + "2" * 32, "art_" + "a" * 32
PHOTO = FileRule(max_bytes=10, media_types=("image/*",))


class Album(Model):
    cover: Annotated[FileId, PHOTO]
    pages: tuple[FileId, ...] = ()
    by_name: dict[str, FileId] | None = None
    back: FileId | None = None
    title: str = ""


def claimed(content: str) -> dict[str, FileRule]:
    references = FileReferences()
    TypeAdapter(Album).validate_json(content, context=references)
    return references.found


def test_references_have_each_file_with_the_rule_of_its_field() -> None:
    content = (
        f'{{"cover": "{ONE}", "pages": ["{TWO}"], "by_name": {{"x": "{ART}"}}, "title": "file_{"3" * 32}"}}'
    )
    assert claimed(content) == {ONE: PHOTO, TWO: FileRule(), ART: FileRule()}


def test_files_are_found_at_any_depth() -> None:
    assert set(claimed(f'{{"cover": "{ONE}", "back": "{TWO}"}}')) == {ONE, TWO}


def test_input_without_files_has_no_references() -> None:
    assert claimed(f'{{"cover": "{ONE}"}}') == {ONE: PHOTO}


def test_input_is_read_without_references_too() -> None:
    assert Album(cover=ONE).cover == ONE


@pytest.mark.parametrize(
    "wrong", ["", "file_", "file_" + "1" * 31, "FILE_" + "1" * 32, "file_" + "g" * 32, f"{ONE}\n", 7]
)
def test_malformed_file_id_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Album.model_validate({"cover": wrong})


def test_schema_describes_a_file_id() -> None:
    schema = Album.model_json_schema()["properties"]["cover"]
    assert schema["pattern"] == "^(file|art)_[0-9a-f]{32}$"
    assert schema["type"] == "string"
