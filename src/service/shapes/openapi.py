"""The OpenAPI document, as SDK generators read it best, and its one serialisation (`docs/openapi.json`).

FastAPI writes it; what is mended here was found by running five generators, and the contract's tests hold it:
titles make names of their own, ``HTTPValidationError`` is never answered, one schema of problems is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from jobline.service.answers.problems import Problem
from jobline.service.shapes.events import JobEvent
from jobline.service.shapes.openapi_access import add_access

Json = dict[str, Any]  # Any: a JSON document
#: Where the keys are names of the user's, not words of JSON Schema.
NAMED = frozenset({"properties", "schemas", "$defs", "patternProperties"})


def render(app: FastAPI) -> str:
    """Write the document of an application, always alike: in the order of its routes and fields."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def install_openapi(app: FastAPI) -> None:
    """Have the application describe itself by `describe`."""
    cached: list[Json] = []

    def openapi() -> Json:
        if not cached:
            cached.append(describe(app))
        return cached[0]

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI's documentation names


def describe(app: FastAPI) -> Json:
    """Make the document."""
    document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    event = JobEvent.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    for name, schema in event.pop("$defs").items():
        schemas.setdefault(name, schema)
    schemas["JobEvent"] = event
    drop_titles(document["components"])
    for path in document["paths"].values():
        drop_titles(path)
        for operation in path.values():
            drop_nulls(operation.get("parameters", ()))
    for unanswered in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unanswered, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    add_access(document)
    return document


def drop_nulls(parameters: Iterable[Json]) -> None:
    """Let a parameter be left out and never null, which no query can say; one generator gave up its type."""
    for parameter in parameters:
        schema = parameter["schema"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            parameter["schema"] = {**kinds[0], **schema}


def drop_titles(part: object, *, is_named: bool = False) -> None:
    """Remove every ``title`` that is a word of JSON Schema, and none that is a property's name."""
    if isinstance(part, dict):
        if not is_named and isinstance(part.get("title"), str):
            del part["title"]
        for name, value in part.items():
            if name in {"example", "examples", "default", "const", "enum"} and not is_named:
                continue
            drop_titles(value, is_named=name in NAMED and not is_named)
    elif isinstance(part, list):
        for item in part:
            drop_titles(item)
