from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel

from jobline import TaskError, task
from jobline.domain.result import check_result


class Made(BaseModel):
    value: float | str | list[float]


@task("make.it")
def make(order: Made) -> Made:
    return order


@pytest.mark.parametrize("value", [1.5, "NaN", "Infinity and beyond", [1.0]])
def test_result_is_returned_as_model_and_as_json(value: Any) -> None:
    result, content = check_result(make, Made(value=value), 100)
    assert result == Made(value=value)
    assert Made.model_validate_json(content) == result


def test_mapping_that_fits_is_a_result() -> None:
    assert check_result(make, {"value": 1.5}, 100) == (Made(value=1.5), b'{"value":1.5}')


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "result.invalid"),
        ({"wrong": 1}, "result.invalid"),
        (Made(value=math.nan), "result.not_json"),
        (Made(value=[math.inf]), "result.not_json"),
        (Made(value="x" * 100), "result.too_large"),
    ],
)
def test_result_that_no_client_could_read_is_refused(value: Any, code: str) -> None:
    with pytest.raises(TaskError) as caught:
        check_result(make, value, 100)
    assert caught.value.code == code
