"""What a user's type checker sees of Jobline: mypy and pyright, both strict, outside of this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.checkers import CHECKERS, Checker

README = (Path(__file__).parents[2] / "README.md").read_text()

USE = """
from typing import Any, assert_type

from jobline import JobContext, Task
from photos import Thumbnail, ThumbnailMade, thumbnail
from words import Check, Checked, check


async def use(job: JobContext) -> None:
    reveal_type(thumbnail)
    reveal_type(check)
    made = thumbnail(Thumbnail(photo="x", width=1), job)
    checked = await check(Check(site="jobline"))
    print(assert_type(made, ThumbnailMade), assert_type(checked, Checked))
    photo_task: Task[Thumbnail, ThumbnailMade] = thumbnail
    tasks: list[Task[Any, Any]] = [photo_task, check]
    print(assert_type(photo_task.input, type[Thumbnail]), tasks)
"""

MISUSE = """
from jobline import JobContext, Task, task
from photos import Thumbnail, ThumbnailMade, thumbnail
from words import Check, Checked, check


def use(job: JobContext) -> None:
    print(thumbnail(Check(site="jobline"), job))  # wrong: another task's input
    print(thumbnail(Thumbnail(photo="x", width=1)))  # wrong: no context
    print(thumbnail(Thumbnail(photo="x", width="1"), job))  # wrong: text for a number
    print(check(Check(site="jobline"), job))  # wrong: it takes no context
    made: Checked = thumbnail(Thumbnail(photo="x", width=1), job)  # wrong: another task's result
    checked: Checked = check(Check(site="jobline"))  # wrong: not awaited
    print(made, checked)


@task("a.b")  # wrong: the input is no model
def input_is_no_model(order: int) -> Checked:
    return Checked(status=order)


@task("a.b")  # wrong: the result is no model
def result_is_no_model(order: Check) -> int:
    return len(order.site)


@task("a.b")  # wrong: the result is no model
async def later_result_is_no_model(order: Check) -> int:
    return len(order.site)


@task("a.b")  # wrong: a third parameter
def third(order: Check, job: JobContext, more: int) -> Checked:
    return Checked(status=len(order.site) + job.attempt + more)


@task("a.b")  # wrong: the second parameter is no context
def no_context(order: Check, job: str) -> Checked:
    return Checked(status=len(order.site + job))


@task("a.b", queue=3)  # wrong: a queue is a name
def returns_text(order: Check) -> Checked:
    return order.site  # wrong: not the result that it declares


another: Task[Thumbnail, ThumbnailMade] = check  # wrong: a task of other models
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of somebody who has copied the README's modules."""
    for block in re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name, "a python block opens with the name of its file"
        (tmp_path / name.group(1)).write_text(block)
    return tmp_path


@pytest.mark.parametrize("check", CHECKERS)
def test_modules_of_the_readme_pass_and_keep_their_types(check: Checker, folder: Path) -> None:
    (folder / "use.py").write_text(USE)

    seen = check(folder)

    assert seen.errors == []
    plain = [re.sub(r"\b(?:\w+\.)+(?=\w)", "", revealed) for revealed in seen.revealed]
    assert [revealed.replace("(", "[").replace(")", "]") for revealed in plain] == [
        "Task[Thumbnail, ThumbnailMade, [Thumbnail, JobContext], ThumbnailMade]",
        "Task[Check, Checked, [Check], Coroutine[Any, Any, Checked]]",
    ]


@pytest.mark.parametrize("check", CHECKERS)
def test_each_misuse_is_an_error_and_nothing_else_is(check: Checker, folder: Path) -> None:
    (folder / "misuse.py").write_text(MISUSE)
    wrong = {number for number, line in enumerate(MISUSE.splitlines(), 1) if "# wrong" in line}

    seen = check(folder)

    assert seen.lines("misuse.py") == wrong, seen.errors
    assert {error.split(":")[0] for error in seen.errors} == {"misuse.py"}
