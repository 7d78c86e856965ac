"""The OpenAPI document and its only serialisation (`docs/openapi.json`).

FastAPI writes it. The corrections here were found by running five SDK generators, and the contract tests hold
them: titles become type names of their own, ``HTTPValidationError`` is never sent, and one schema of problems
is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from jobline.service.answers.problems import Problem
from jobline.service.openapi.examples import add_examples
from jobline.service.openapi.generator import corrected_schemas
from jobline.service.openapi.links import add_links
from jobline.service.openapi.portable import make_portable, walk
from jobline.service.openapi.security import add_security
from jobline.service.openapi.tags import make_tags
from jobline.service.shapes.events import JobEvent

Json = dict[str, Any]  # Any: a JSON document
REF_TEMPLATE = "#/components/schemas/{model}"
#: Schemas that FastAPI adds for its own 422, which the service never sends.
UNUSED = ("HTTPValidationError", "ValidationError")


def render(app: FastAPI) -> str:
    """Return the document of an application as text, always in the order of its routes and fields."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def install_openapi(app: FastAPI) -> None:
    """Make the application describe itself by `describe`, once."""
    cached: list[Json] = []

    def openapi() -> Json:
        if not cached:
            cached.append(describe(app))
        return cached[0]

    app.openapi = openapi  # type: ignore[method-assign] # the way that FastAPI's documentation names


def describe(app: FastAPI) -> Json:
    """Return the document."""
    with corrected_schemas():
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=make_tags(app.state.resources.registry),
        )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    add_schema(schemas, Problem)
    add_schema(schemas, JobEvent)
    use_markdown(document)
    drop_titles(document["components"])
    for path in document["paths"].values():
        drop_titles(path)
        for operation in path.values():
            drop_nulls(operation.get("parameters", ()))
    for name in UNUSED:
        schemas.pop(name, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    make_portable(document)
    add_security(document)
    add_links(document)
    add_examples(document, app.state.resources.registry)
    return document


def add_schema(schemas: Json, model: type[BaseModel]) -> None:
    """Add the schema of a model that no route names as its response model."""
    schema = model.model_json_schema(mode="serialization", ref_template=REF_TEMPLATE)
    for name, part in schema.pop("$defs").items():
        schemas.setdefault(name, part)
    schemas[model.__name__] = schema


def use_markdown(part: object) -> None:
    """Turn the double backticks of docstrings into the single ones of Markdown."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "description" and isinstance(value, str):
                part[name] = value.replace("``", "`")
            else:
                use_markdown(value)
    elif isinstance(part, list):
        for item in part:
            use_markdown(item)


def drop_nulls(parameters: Iterable[Json]) -> None:
    """Remove null from parameters: no query can send it, and one generator lost their types over it."""
    for parameter in parameters:
        schema = parameter["schema"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            parameter["schema"] = {**kinds[0], **schema}


def drop_titles(part: object) -> None:
    """Remove every ``title`` that is a keyword of JSON Schema, but no property of that name."""
    for item in walk(part):
        if isinstance(item.get("title"), str):
            del item["title"]
