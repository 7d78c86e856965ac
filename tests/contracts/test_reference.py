"""The reference pages hold every public name and every task, with what belongs to each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import jobline
from jobline import testing
from jobline.domain.registry import Registry
from jobline.domain.task import Task

DOCS = Path(__file__).parents[2] / "docs"
PYTHON = (DOCS / "python.md").read_text()
OFFERED = Registry.load(["jobline.tasks"])
TASKS = [*OFFERED.tasks.values(), *OFFERED.unavailable.values()]
#: Of these, every public member is described.
DESCRIBED = [
    jobline.Artifact, jobline.JobContext, jobline.RetryPolicy, jobline.TaskError, testing.Outcome,
    testing.Service,
]  # fmt: skip
#: The ledger's and the worker's own use, and what a path-like object has for Python itself.
INTERNAL = {"JobContext.observed_cancel", "Artifact.name"}


def headings(page: str) -> set[str]:
    """Return every name in backticks that a heading of a page has."""
    return {
        name
        for line in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", line)
    }


def members(owner: type) -> set[str]:
    """Return the names of a class that its users see, without those that pydantic or Exception bring."""
    brought = {name for base in (*jobline.RetryPolicy.__mro__[1:], Exception) for name in dir(base)}
    declared = {name for name in vars(owner) if not name.startswith("_")}
    return (declared | set(getattr(owner, "__annotations__", {}))) - brought - {"model_config"}


def test_every_public_name_has_its_heading() -> None:
    named = headings(PYTHON)

    assert named - {"jobline.testing"} == {*jobline.__all__, *testing.__all__}


@pytest.mark.parametrize("owner", DESCRIBED, ids=lambda owner: owner.__name__)
def test_every_member_is_described(owner: type) -> None:
    section = PYTHON.split(f"### `{owner.__name__}`")[1].split("\n### ")[0]
    found = set(re.findall(r"\w+", section))

    missing = {name for name in members(owner) - found if not name.startswith("_")}
    assert {f"{owner.__name__}.{name}" for name in missing} - INTERNAL == set()


@pytest.mark.parametrize("argument", list(jobline.task.__annotations__))
def test_every_argument_of_the_decorator_is_described(argument: str) -> None:
    section = PYTHON.split("### `task`")[1].split("\n### ")[0]

    assert argument == "return" or f"`{argument}`" in section


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_stands_on_the_page_of_its_family_with_its_fields(task: Task[Any, Any]) -> None:
    page = (DOCS / f"tasks/{task.family}.md").read_text()
    section = page.split(f"\n## {task.name}\n")[1].split("\n## ")[0]

    names = {*task.input.model_fields, *task.result.model_fields}
    assert {name for name in names if f"`{name}`" not in section} == set()


@pytest.mark.parametrize("family", sorted({task.family for task in TASKS}))
def test_every_family_is_linked(family: str) -> None:
    assert f"](tasks/{family}.md)" in (DOCS / "tasks.md").read_text()
