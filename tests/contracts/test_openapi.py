"""The published OpenAPI document matches the application, and keeps the rules that SDK generators need.

After an intended change, run ``make openapi``. The file contains Jobline's own tasks, all extras installed.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jobline.domain.registry import Registry
from jobline.domain.settings import Settings
from jobline.service.app import build_app
from jobline.service.openapi.document import render
from jobline.service.shapes.answer import Answer
from tests.support.tasks import simple

GOLDEN = Path(__file__).parents[2] / "docs/openapi.json"
REFERENCE = "#/components/schemas/"
METHODS = {"get", "put", "post", "delete", "patch"}
PROBLEM = {"application/problem+json": {"schema": {"$ref": f"{REFERENCE}Problem"}}}
Json = dict[str, Any]


@cache
def own() -> str:
    registry = Registry.load(Settings().tasks)
    if registry.unavailable:
        # The document has every family; `make test` installs them all.
        pytest.skip(f"extras are missing: {', '.join(registry.unavailable)}")
    return render(build_app(Settings(), registry))


@cache
def document() -> Json:
    """Return the document of a service with tasks of every kind: the rules apply to users' tasks too."""
    registry = Registry.of([*Registry.load(Settings().tasks), *simple.ALL])
    content: Json = json.loads(render(build_app(Settings(), registry)))
    return content


def schemas() -> Json:
    found: Json = document()["components"]["schemas"]
    return found


def operations() -> Iterator[tuple[str, Json]]:
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield f"{method} {path}", operation


def walk(part: Any, *, is_named: bool = False) -> Iterator[Json]:
    """Yield every object of the document that is not a map of names."""
    if isinstance(part, dict):
        if not is_named:
            yield part
        for name, value in part.items():
            yield from walk(value, is_named=name in {"properties", "schemas"} and not is_named)
    elif isinstance(part, list):
        for item in part:
            yield from walk(item)


def reachable(start: set[str]) -> set[str]:
    """Return the components that these refer to, directly or not."""
    found, todo = set[str](), set(start)
    while todo:
        name = todo.pop()
        found.add(name)
        todo |= references(schemas()[name]) - found
    return found


def references(part: Any) -> set[str]:
    return {item["$ref"].removeprefix(REFERENCE) for item in walk(part) if isinstance(item.get("$ref"), str)}


def in_requests() -> set[str]:
    return reachable({name for _, one in operations() for name in references(one.get("requestBody", {}))})


def in_answers() -> set[str]:
    return reachable({name for _, one in operations() for name in references(one["responses"])})


def test_golden_file_matches_the_application() -> None:
    golden = GOLDEN.read_text()
    diff = difflib.unified_diff(
        golden.splitlines(), own().splitlines(), "docs/openapi.json", "application", lineterm=""
    )
    assert golden == own(), "run `make openapi` after an intended change:\n" + "\n".join(list(diff)[:200])


def test_rendering_is_deterministic() -> None:
    registry = Registry.of(simple.ALL)
    assert render(build_app(Settings(), registry)) == render(build_app(Settings(), registry))


def test_every_operation_has_a_unique_snake_case_id_and_one_tag() -> None:
    ids = [operation["operationId"] for _, operation in operations()]

    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
    assert [name for name, operation in operations() if len(operation["tags"]) != 1] == []
    assert {"submit_demo_add", "get_demo_add", "get_job", "list_jobs", "cancel_job"} <= set(ids)


def test_union_of_jobs_is_a_named_component_told_apart_by_task() -> None:
    job = schemas()["Job"]
    members = [one["$ref"].removeprefix(REFERENCE) for one in job["oneOf"]]

    assert job["discriminator"]["propertyName"] == "task"
    assert set(job["discriminator"]["mapping"]) >= {"demo.add", "demo.draw", "photo.look"}
    for name in members:
        task = schemas()[name]["properties"]["task"]
        assert isinstance(task["const"], str)
        assert "default" not in task
        assert "task" in schemas()[name]["required"]


@pytest.mark.parametrize("union", ["Job", "BatchJob"])
def test_each_member_of_a_union_refuses_the_tasks_of_the_others(union: str) -> None:
    """A client that tries each member finds one: a job without a result differs by its task alone."""
    mapping: dict[str, str] = schemas()[union]["discriminator"]["mapping"]

    for name, member in mapping.items():
        task = schemas()[member.removeprefix(REFERENCE)]["properties"]["task"]
        assert task["const"] == name
        assert [other for other in mapping if re.search(task["pattern"], other)] == [name]


def test_problem_has_every_member_of_its_standard() -> None:
    """A client that refuses unknown fields reads every problem."""
    assert {"type", "title", "status", "detail", "instance"} <= set(schemas()["Problem"]["required"])
    assert "type" in schemas()["JobEvent"]["required"]


def test_lists_give_the_plain_summary() -> None:
    assert references(schemas()["JobList"]) == {"JobSummary"}
    assert "result" not in schemas()["JobSummary"]["properties"]


def test_answers_have_required_keys_and_models_used_both_ways_optional_ones() -> None:
    optional_by_contract = {"JobError": {"traceback"}, "Problem": {"errors"}}
    own_models = in_answers() - in_requests()
    missing = {
        name: keys
        for name in own_models
        if (keys := set(schemas()[name].get("properties", {})) - set(schemas()[name].get("required", [])))
    }
    assert missing == {name: keys for name, keys in optional_by_contract.items() if name in own_models}


def test_errors_refer_to_the_one_problem() -> None:
    for name, operation in operations():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"] == PROBLEM, (name, status)
    assert {"HTTPValidationError", "ValidationError"}.isdisjoint(schemas())


def test_every_operation_with_parameters_declares_422() -> None:
    lacking = [name for name, one in operations() if one.get("parameters") and "422" not in one["responses"]]
    assert lacking == []


def test_there_are_no_titles_and_no_stream_schemas() -> None:
    document_parts = [part for part in walk(document()) if part is not document()["info"]]
    assert [part for part in document_parts if isinstance(part.get("title"), str)] == []
    assert [part for part in document_parts if "itemSchema" in part] == []


def test_what_a_request_may_leave_out_has_no_default() -> None:
    """openapi-typescript requires every field with a default: `{input: {seconds: 3}}` would not compile."""
    fields = [
        field
        for name in in_requests()
        for part in walk(schemas()[name])
        for field in part.get("properties", {}).values()
    ]
    addends, submit = (schemas()[name] for name in ("Addends", "SubmitDemoAdd"))

    assert [field for field in fields if "default" in field] == []
    assert addends["properties"]["b"]["description"] == "Default: `1.0`."
    assert submit["properties"]["priority"]["description"].endswith(" Default: `5`.")
    assert submit["required"] == ["input"]
    assert addends["required"] == ["a"]


def test_nullable_value_is_no_choice() -> None:
    """datamodel-code-generator makes classes of choices with bounds: `queue` took the name `Queue`."""
    for part in walk(schemas()):
        choices = [one for one in part.get("anyOf", []) if one != {"type": "null"}]
        assert len(choices) != 1 or "$ref" in choices[0] or "enum" in choices[0], part
    assert schemas()["SubmitDemoAdd"]["properties"]["queue"]["type"] == ["string", "null"]


def test_parameter_is_left_out_and_never_null() -> None:
    schemas = [
        parameter["schema"]
        for path in document()["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", ())
    ]
    assert schemas
    assert [schema for schema in schemas if {"type": "null"} in schema.get("anyOf", ())] == []


def test_bytes_are_binary_strings() -> None:
    content = document()["paths"]["/v1/files/{id}/content"]["get"]["responses"]["200"]["content"]
    form = document()["paths"]["/v1/files"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    raw = document()["paths"]["/v1/files/raw"]["post"]["requestBody"]["content"]

    binary = {"schema": {"format": "binary", "type": "string"}}
    # Without an image among them, a client of swagger-typescript-api returns null for a download.
    assert content == {"application/octet-stream": binary, "image/*": binary}
    assert form["properties"]["file"] == {"format": "binary", "type": "string"}
    assert raw == {"application/octet-stream": binary}


def test_no_shape_that_breaks_generators() -> None:
    for part in walk(document()):
        enum = part.get("enum")
        assert not isinstance(enum, list) or len({type(value) for value in enum}) == 1, part
        assert "prefixItems" not in part
        assert "bytes" not in part.get("properties", {})
    assert [
        name for name in schemas() if not re.fullmatch(r"[A-Z][A-Za-z0-9]*(?:-(?:Input|Output))?", name)
    ] == []


def test_operation_has_one_kind_of_body() -> None:
    """Of two kinds, orval sends both; a module of openapi-python-client cannot be imported."""
    bodies = {name: list(one["requestBody"]["content"]) for name, one in operations() if "requestBody" in one}

    assert bodies["post /v1/files"] == ["multipart/form-data"]
    assert bodies["post /v1/files/raw"] == ["application/octet-stream"]
    assert [name for name, kinds in bodies.items() if len(kinds) != 1] == []


def test_no_model_of_a_request_and_an_answer_refers_to_itself() -> None:
    both = in_requests() & in_answers()
    assert {name for name in both if name in reachable(references(schemas()[name]))} == set()


def test_unions_are_named_or_nullable() -> None:
    for part in walk(
        {name: schema for name, schema in schemas().items() if name in in_answers() and name != "Job"}
    ):
        for word in ("anyOf", "oneOf"):
            choices = [one for one in part.get(word, []) if one != {"type": "null"}]
            assert len(choices) <= 1, part


def test_submit_is_documented_with_its_headers() -> None:
    submit = document()["paths"]["/v1/tasks/demo.add/jobs"]["post"]

    assert {one["name"].lower() for one in submit["parameters"]} == {
        "validate_only",
        "prefer",
        "idempotency-key",
    }
    assert references(submit["requestBody"]) == {"SubmitDemoAdd"}
    assert references(submit["responses"]["202"]) == {"DemoAddJob"}
    assert {"200", "202", "400", "404", "410", "413", "415", "422", "429", "503"} <= set(submit["responses"])


def test_every_operation_parameter_and_response_is_described() -> None:
    tags = {tag["name"] for tag in document()["tags"] if tag["description"]}
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
        assert [one["name"] for one in operation.get("parameters", []) if not one["description"]] == [], name
        descriptions = {answer["description"] for answer in operation["responses"].values()}
        assert descriptions.isdisjoint({"", "Successful Response"}), name


def test_every_field_of_our_own_models_is_described() -> None:
    ours = [schemas()[model.__name__] for model in subclasses(Answer) if model.__name__ in schemas()]
    assert len(ours) > 20
    undescribed = [
        (schema["description"], name)
        for schema in ours
        for name, field in schema["properties"].items()
        if "description" not in field and "$ref" not in field
    ]
    assert undescribed == []


def subclasses(root: type[Any]) -> set[type[Any]]:
    return {root, *(found for below in root.__subclasses__() for found in subclasses(below))}
