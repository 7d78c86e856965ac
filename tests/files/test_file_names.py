from __future__ import annotations

import re

import pytest

from jobline.domain.errors import TaskError, Unprocessable
from jobline.domain.file_id import PATTERN
from jobline.files import artifact_id, check_artifact_name, check_name, new_file_id

BAD_NAMES = ["", ".", "..", "a/b", "/", "a\x00b", "a\nb", "a\x7fb", "\u2028", "a\ud800", "x" * 201]


@pytest.mark.parametrize("name", ["a", "ünïcode ✓.png", "..a", "x" * 200, "a\\b", ".hidden", "a b"])
def test_ordinary_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name) == name
    assert check_artifact_name(name) == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_name_of_a_client_is_unprocessable(name: str) -> None:
    with pytest.raises(Unprocessable):
        check_name(name)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_name_of_an_artifact_fails_the_task(name: str) -> None:
    with pytest.raises(TaskError) as caught:
        check_artifact_name(name)
    assert caught.value.code == "artifact.bad_name"
    assert not caught.value.retryable


def test_ids_have_the_form_that_inputs_accept() -> None:
    assert re.fullmatch(PATTERN, new_file_id())
    assert re.fullmatch(PATTERN, artifact_id("job", "a.png"))


def test_upload_ids_never_repeat() -> None:
    assert len({new_file_id() for _ in range(1000)}) == 1000


def test_artifact_id_follows_from_job_and_name() -> None:
    assert artifact_id("job", "a.png") == artifact_id("job", "a.png")
    assert len({artifact_id("job", "a"), artifact_id("job", "b"), artifact_id("jo", "b/a")}) == 3
