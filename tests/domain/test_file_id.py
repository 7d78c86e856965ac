from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from jobline import FileId, FileRule, Model
from jobline.domain.file_id import FileClaims

ONE, TWO, ART = "file_" + "1" * 32, "file_" + "2" * 32, "art_" + "a" * 32
PHOTO = FileRule(max_bytes=10, media_types=("image/*",))


class Album(Model):
    cover: Annotated[FileId, PHOTO]
    pages: tuple[FileId, ...] = ()
    by_name: dict[str, FileId] | None = None
    back: FileId | None = None
    title: str = ""


def claimed(content: str) -> dict[str, FileRule]:
    claims = FileClaims()
    TypeAdapter(Album).validate_json(content, context=claims)
    return claims.found


def test_claims_hold_each_file_with_the_rule_of_its_field() -> None:
    content = (
        f'{{"cover": "{ONE}", "pages": ["{TWO}"], "by_name": {{"x": "{ART}"}}, "title": "file_{"3" * 32}"}}'
    )
    assert claimed(content) == {ONE: PHOTO, TWO: FileRule(), ART: FileRule()}


def test_files_are_found_at_any_depth() -> None:
    assert set(claimed(f'{{"cover": "{ONE}", "back": "{TWO}"}}')) == {ONE, TWO}


def test_no_file_makes_no_claim() -> None:
    assert claimed(f'{{"cover": "{ONE}"}}') == {ONE: PHOTO}


def test_input_is_read_without_claims_too() -> None:
    assert Album(cover=ONE).cover == ONE


@pytest.mark.parametrize(
    "wrong", ["", "file_", "file_" + "1" * 31, "FILE_" + "1" * 32, "file_" + "g" * 32, f"{ONE}\n", 7]
)
def test_what_is_no_file_id_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Album.model_validate({"cover": wrong})


def test_schema_says_what_a_file_id_is() -> None:
    schema = Album.model_json_schema()["properties"]["cover"]
    assert schema["pattern"] == "^(file|art)_[0-9a-f]{32}$"
    assert schema["type"] == "string"
