from __future__ import annotations

import pickle
import re
import tomllib
import traceback
import types
import typing
from pathlib import Path

import pytest
from pydantic import ValidationError

import jobline
from jobline import FileId, JobCancelled, RetryPolicy, State, TaskError

ROOT = Path(__file__).parents[2]
CLASSES = [value for name in jobline.__all__ if isinstance(value := getattr(jobline, name), type)]


def test_exports_are_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(jobline).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert jobline.__all__ == sorted(jobline.__all__)
    assert set(jobline.__all__) == public | {"__version__"}


def test_every_export_says_that_it_comes_from_jobline() -> None:
    modules = {name: getattr(getattr(jobline, name), "__module__", None) for name in jobline.__all__}
    del modules["FileId"]  # an alias of `str`, whose own module it has
    del modules["__version__"]

    assert modules == dict.fromkeys(modules, "jobline")
    assert str.__module__ == "builtins"


@pytest.mark.parametrize("export", CLASSES, ids=lambda export: export.__name__)
def test_annotations_of_an_export_can_still_be_read(export: type) -> None:
    """Strings are looked up in the module that the class names, so no annotation may be one."""
    typing.get_type_hints(export, include_extras=True)
    assert pickle.loads(pickle.dumps(export)) is export  # noqa: S301 - our own bytes


@pytest.mark.parametrize("value", [State.RETRY, RetryPolicy(first_s=9), JobCancelled("x")], ids=repr)
def test_values_can_be_pickled(value: object) -> None:
    copy = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes
    assert type(copy) is type(value)
    assert repr(copy) == repr(value)


def test_task_error_survives_a_pickle_whole() -> None:
    error = pickle.loads(pickle.dumps(TaskError("a.b", "c", retryable=True, retry_after_s=3)))  # noqa: S301 - our own bytes
    assert (error.code, error.message, error.retryable, error.retry_after_s) == ("a.b", "c", True, 3)


def test_cancel_that_a_task_catches_says_what_to_do() -> None:
    assert "do not catch it" in str(JobCancelled())
    assert not isinstance(JobCancelled(), Exception)


def test_traceback_names_what_users_import() -> None:
    assert traceback.format_exception_only(TaskError("a.b", "c")) == ["jobline.TaskError: a.b: c\n"]


def test_policy_of_a_users_own_class_is_checked() -> None:
    class Patient(RetryPolicy):
        first_s: float = 60.0
        note: str = ""

    assert Patient(note="x").model_rebuild(force=True)
    assert Patient().delay_s(1, draw=0) == 60
    with pytest.raises(ValidationError):
        Patient(factor=11)


def test_file_id_is_text() -> None:
    assert typing.get_origin(FileId) is typing.Annotated
    assert typing.get_args(FileId)[0] is str


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    releases = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert jobline.__version__ == project["version"]
    assert releases[:1] in ([], [project["version"]])
