"""The examples of submits and batches, which Swagger UI fills in and ReDoc shows.

Without them both pages make a request of every optional field, which no task accepts: `delay_s` excludes
`run_at`, and a queue made of the pattern is no queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jobline.domain.examples import make_example
from jobline.domain.file_id import PATTERN
from jobline.domain.registry import Registry
from jobline.domain.schemas import input_schema
from jobline.domain.task import Task

Json = dict[str, Any]  # Any: a JSON document
#: Jobs in the example of a batch.
BATCH_SIZE = 2


def add_examples(document: Json, registry: Registry) -> None:
    """Add an example to the body of each submit, and to that of the batch."""
    inputs = {task.name: make_input(task) for task in registry}
    for name, value in inputs.items():
        set_example(document, f"/v1/tasks/{name}/jobs", {"input": value})
    if inputs:
        chosen = choose_for_batch(registry)
        jobs = [{"task": name, "input": inputs[name]} for name in chosen]
        set_example(document, "/v1/batches", {"jobs": jobs})


def set_example(document: Json, path: str, value: object) -> None:
    """Set the example of the JSON body of one POST."""
    if path in document["paths"]:
        document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"] = value


def make_input(task: Task[Any, Any]) -> object:
    """Return the first example that the task accepts; if it accepts none, the shortest one."""
    candidate: object = {}
    for candidate in list_candidates(input_schema(task)):
        if is_accepted(task, candidate):
            break
    return candidate


def list_candidates(schema: Json) -> Iterator[object]:
    """Yield the examples of the model itself, then one with optional fields, then one without."""
    yield from schema.get("examples", ())
    fields = {name: value for name, value in schema.items() if name != "examples"}
    yield make_example(fields)
    yield make_example(fields, with_optional=False)


def is_accepted(task: Task[Any, Any], value: object) -> bool:
    """Return whether the task's model validates a value."""
    try:
        task.read_input(json.dumps(value))
    except Exception:  # noqa: BLE001 - whatever a user's validator raises, the document is to be had
        return False
    return True


def choose_for_batch(registry: Registry) -> Iterable[str]:
    """Return the names of a few tasks, of those that need no file where there are some."""
    names = [task.name for task in registry]
    plain = [task.name for task in registry if not needs_file(task)]
    return (plain or names)[:BATCH_SIZE]


def needs_file(task: Task[Any, Any]) -> bool:
    """Return whether the task's input can name a file: an example cannot know the id of one."""
    return json.dumps(PATTERN) in json.dumps(input_schema(task))
