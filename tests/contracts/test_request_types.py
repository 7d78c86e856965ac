"""The service accepts what the OpenAPI document describes: both are asked about the same bodies."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator  # comes with schemathesis

from jobline.domain.errors import Unprocessable
from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.domain.strictness import make_strict_validator
from jobline.service.app import build_app
from jobline.service.intake.batches import read_batch
from jobline.service.intake.jobs import read_request
from jobline.service.resources import Resources
from jobline.service.shapes.batches import make_batch_request
from tests.support.tasks import simple

Json = Any  # any JSON value
FILE = "file_" + "0" * 32
OPTIONS = {
    "delay_s": 1, "expires_in_s": 60, "priority": 5, "queue": "q", "max_attempts": 2, "timeout_s": 1.5,
    "tags": ["x"],
}  # fmt: skip
OPS = [
    {"op": "resize", "width": 9, "height": 9, "upscale": True}, {"op": "rotate", "degrees": 90},
    {"op": "blur", "radius": 2},
]  # fmt: skip
BODIES = {
    "SubmitDemoCountdown": {"input": {"seconds": 5, "fail_at": 1, "flaky_attempts": 1}, **OPTIONS},
    "SubmitImageProcess": {"input": {"file": FILE, "ops": OPS, "quality": 80, "strip_metadata": True}},
    "SubmitDemoAdd": {"input": {"a": 1, "b": 1.5, "words": ["x"]}},
    "SubmitBatch": {"jobs": [{"task": "demo.add", "input": {"a": 1, "b": 2}, **OPTIONS}], "tags": ["x"]},
}
VALUES: list[Json] = [
    None,
    True,
    False,
    0,
    1,
    5,
    5.0,
    5.5,
    "",
    "1",
    "5",
    "5.0",
    "true",
    "yes",
    "jpeg",
    [],
    ["1"],
    [5],
    {},
]


@cache
def service() -> tuple[Json, Resources]:
    registry = Registry.of([*Registry.load(Settings().tasks), *simple.ALL])
    app = build_app(Settings(), registry)
    return app.openapi(), app.state.resources


def is_valid_by_document(name: str, body: Json) -> bool:
    """Return whether the document describes a body."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": service()[0]["components"]}
    return Draft202012Validator(schema).is_valid(body)


def is_accepted(name: str, body: Json) -> bool:
    """Return whether the service accepts a body."""
    models, text = service()[1].models, json.dumps(body).encode()
    try:
        if name == "SubmitBatch":
            request = make_batch_request([one.batch_job for one in models.values()])
            read_batch(make_strict_validator(request), text)
        else:
            read_request(next(one for one in models.values() if one.request.__name__ == name), text)
    except Unprocessable:
        return False
    return True


def find_paths(part: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value in a body."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for name, below in items:
        yield (*path, name)
        yield from find_paths(below, (*path, name))


def replaced(body: Json, path: tuple[str | int, ...], value: Json) -> Json:
    """Return a copy of the body with another value at a path."""
    body = place = copy.deepcopy(body)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body


@pytest.mark.parametrize("name", BODIES)
def test_what_the_document_describes_is_what_is_accepted(name: str) -> None:
    assert is_valid_by_document(name, BODIES[name])
    assert is_accepted(name, BODIES[name])
    wrong = [
        f"{path} {value!r}"
        for path in find_paths(BODIES[name])
        for value in VALUES
        if is_valid_by_document(name, body := replaced(BODIES[name], path, value)) != is_accepted(name, body)
    ]
    assert wrong == []
