from __future__ import annotations

import dataclasses
import math
import sys
import types
from collections.abc import Callable
from typing import Any, cast

import pytest
from pydantic import BaseModel

from jobline import DeclarationError, JobContext, Model, RetryPolicy, Task, task

#: For functions that never look at their context.
NO_JOB = cast("JobContext", None)


class Order(Model):
    side: int


class Made(Model):
    area: int


def square(order: Order, job: JobContext) -> Made:
    """Square a side.

    As one does.
    """
    return Made(area=order.side**2)


def no_annotation(order, job):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    return None


def no_result(order: Order):  # type: ignore[no-untyped-def] # noqa: ANN201
    return None


def takes_dict(order: dict[str, Any]) -> Made:
    return Made(area=0)


def takes_instance(order: Order | None) -> Made:
    return Made(area=0)


def gives_dict(order: Order) -> dict[str, int]:
    return {}


def third(order: Order, job: JobContext, more: int = 0) -> Made:
    return Made(area=0)


def none_at_all() -> Made:
    return Made(area=0)


def wrong_context(order: Order, job: Order) -> Made:
    return Made(area=0)


def by_name(*, order: Order) -> Made:
    return Made(area=0)


def many(*order: Order) -> Made:
    return Made(area=0)


def options(**order: Order) -> Made:
    return Made(area=0)


def unknown_name(order: Nowhere) -> Made:  # type: ignore[name-defined] # noqa: F821
    return Made(area=0)


class Squarer:
    def __call__(self, order: Order) -> Made:
        return Made(area=0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (no_annotation, "parameter 'order' must be annotated with a pydantic model"),
        (no_result, "its result must be annotated with a pydantic model"),
        (takes_dict, "parameter 'order' must be annotated with a pydantic model"),
        (takes_instance, "parameter 'order' must be annotated with a pydantic model"),
        (gives_dict, "its result must be annotated with a pydantic model"),
        (third, r"it must take \(order: Model\) or \(order: Model, job: JobContext\)"),
        (none_at_all, "it must take"),
        (wrong_context, "parameter 'job' must be annotated with JobContext"),
        (by_name, "it must take"),
        (many, "it must take"),
        (options, "it must take"),
        (unknown_name, "its annotations cannot be read: .*Nowhere"),
    ],
)
def test_wrong_signature_fails_with_the_functions_name(function: Callable[..., Any], reason: str) -> None:
    place = rf"@task\('shape.square'\) on {function.__module__}.{function.__qualname__}"
    with pytest.raises(DeclarationError, match=f"{place}: {reason}"):
        task("shape.square")(function)


@pytest.mark.parametrize(
    "name", ["square", "Shape.square", "shape.", ".square", "shape square", "", "1.a", "a.b:c", 7]
)
def test_wrong_name_fails_with_the_functions_name(name: Any) -> None:
    with pytest.raises(DeclarationError, match=r"on tests\S*\.square: the name must be family\.verb"):
        task(name)(square)


WRONG_SETTINGS: dict[str, list[Any]] = {
    "queue": ["", "a:b", "A", "x" * 65, "a b", None, "-a"],
    "max_attempts": [0, -1, 101, 1.0, "3", True, None],
    "timeout_s": [0, -1, 604_801, math.nan, math.inf, "60", True, None],
    "retry": [None, 3, "yes", {}],
}


@pytest.mark.parametrize(
    ("setting", "value"), [(name, value) for name, values in WRONG_SETTINGS.items() for value in values]
)
def test_wrong_setting_fails_with_the_functions_name(setting: str, value: Any) -> None:
    given: dict[str, Any] = {setting: value}
    with pytest.raises(DeclarationError, match=rf"on tests\S*\.square: {setting}"):
        task("shape.square", **given)(square)


@pytest.mark.parametrize("thing", [Order, Squarer(), None, task("a.b")(square)])
def test_only_a_function_can_be_a_task(thing: Any) -> None:
    with pytest.raises(DeclarationError, match=r"@task\('shape.square'\) must decorate a function directly"):
        task("shape.square")(thing)


def test_string_annotations_are_read() -> None:
    """This module has them all as strings."""
    made = task("shape.square")(square)
    assert (made.input, made.result, made.takes_context) == (Order, Made, True)


def test_string_annotations_are_resolved_in_the_module_of_the_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("outside_words")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    source = (
        "from __future__ import annotations\nfrom jobline import Model, task\n"
        "class Given(Model):\n    a: int\n"
        "@task('out.side')\ndef f(order: Given) -> Given:\n    return order\n"
    )
    exec(compile(source, "outside_words.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    assert module.f.input is module.Given


def test_task_is_frozen_and_still_callable() -> None:
    made = task("shape.square")(square)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "other.name"  # type: ignore[misc]
    assert isinstance(made, Task)
    assert made(Order(side=3), NO_JOB) == Made(area=9)


async def test_async_functions_are_recognised_and_can_be_awaited() -> None:
    @task("shape.later")
    async def later(order: Order) -> Made:
        return Made(area=order.side)

    assert later.is_async
    assert not task("shape.square")(square).is_async
    assert await later(Order(side=2)) == Made(area=2)


def test_plain_pydantic_models_will_do() -> None:
    def plain(order: BaseModel) -> BaseModel:
        return order

    assert task("shape.plain")(plain).input is BaseModel


def test_defaults_and_texts_of_the_docstring() -> None:
    made = task("shape.square_it")(square)
    assert (made.queue, made.max_attempts, made.timeout_s) == ("default", 3, 3600.0)
    assert (made.summary, made.description) == ("Square a side", "As one does.")
    assert (made.family, made.slug) == ("shape", "shape_square_it")
    assert made.retry == RetryPolicy()
    assert (made.missing, made.extra) == ((), None)


def test_function_without_docstring_is_described_by_its_name() -> None:
    assert task("shape.plain")(gives_made).summary == "shape.plain"


def gives_made(order: Order) -> Made:
    return Made(area=0)


def test_retry_is_true_false_or_a_policy() -> None:
    own = RetryPolicy(first_s=9)
    assert task("a.b", retry=own)(square).retry is own
    assert not task("a.b", retry=False)(square).retry.allows(ValueError())
    assert task("a.b", retry=True)(square).retry.allows(ValueError())


@pytest.mark.parametrize(
    "limits", [{"max_attempts": 1, "timeout_s": 0.001}, {"max_attempts": 100, "timeout_s": 604_800}]
)
def test_bounds_themselves_are_allowed(limits: dict[str, Any]) -> None:
    made = task("a.b", **limits)(square)
    assert made.max_attempts == limits["max_attempts"]


def test_adapters_read_and_write() -> None:
    made = task("shape.square")(square)
    order = made.read_input(b'{"side": 4}')
    assert made.result_adapter.dump_json(made(order, NO_JOB)) == b'{"area":16}'


def test_missing_packages_are_found_without_an_import() -> None:
    made = task("a.b", extra="x", requires=("no_such_package_at_all", "json", "wave"))(square)
    sys.modules.pop("wave", None)
    assert made.missing == ("no_such_package_at_all",)
    assert "wave" not in sys.modules
