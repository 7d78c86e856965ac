from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jobline import DeclarationError, Model, task
from jobline.domain.errors import NotFound
from jobline.domain.registry import Registry, install_hint
from jobline.domain.settings import Settings

#: Writes a module that can be imported; returns its name.
Write = Callable[[str, str], str]

HEAD = """
from jobline import Model, task
class M(Model):
    a: int = 0
"""


def declare(name: str, more: str = "") -> str:
    function = name.replace(".", "_")
    return f"{HEAD}\n@task({name!r}{more})\ndef {function}(order: M) -> M:\n    return order\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(path: str, content: str) -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    return make


class Some(Model):
    a: int = 0


def do(order: Some) -> Some:
    return order


def test_families_that_come_along_are_on_offer_unless_the_settings_name_others() -> None:
    assert {"demo.countdown", "image.process"} <= set(Registry.load(Settings().tasks).tasks)


def test_tasks_of_the_named_modules_alone_are_on_offer(write: Write) -> None:
    name = write("reg_one.py", declare("outside.one"))
    registry = Registry.load([name])
    assert registry.get("outside.one").function.__module__ == name
    assert list(registry.tasks) == ["outside.one"]


def test_program_of_a_package_is_not_run(write: Write) -> None:
    """The API and each worker once ran a package's ``__main__.py``, only to look for tasks."""
    name = write("reg_program/__init__.py", declare("outside.one"))
    write("reg_program/__main__.py", "raise SystemExit('the program ran')")
    write("reg_program/below/__init__.py", declare("outside.two"))
    write("reg_program/below/__main__.py", "raise SystemExit('the program ran')")
    assert list(Registry.load([name]).tasks) == ["outside.one", "outside.two"]


def test_tasks_in_a_folder_that_is_no_package_are_told(write: Write) -> None:
    """Nothing was found and nothing was said."""
    name = write("reg_folder/__init__.py", declare("outside.one"))
    write("reg_folder/lost/more.py", declare("outside.two"))
    write("reg_folder/scripts/run.py", "raise SystemExit('no task')")
    registry = Registry.load([name])
    assert list(registry.tasks) == ["outside.one"]
    (warning,) = registry.warnings
    assert "reg_folder/lost are not read, because it has no __init__.py" in warning


def test_own_family_stands_beside_a_users_module(write: Write) -> None:
    name = write("reg_beside.py", declare("beside.one"))
    found = {one.family for one in Registry.load([name, "jobline.tasks.image"])}
    assert found == {"beside", "image"}


def test_package_gives_the_tasks_of_its_submodules(write: Write) -> None:
    write("reg_pack/__init__.py", "")
    write("reg_pack/a.py", declare("pack.first"))
    write("reg_pack/deep/__init__.py", "")
    write("reg_pack/deep/b.py", declare("pack.second"))
    assert {"pack.first", "pack.second"} <= set(Registry.load(["reg_pack"]).tasks)


def test_task_that_is_imported_elsewhere_counts_once(write: Write) -> None:
    write("reg_origin.py", declare("origin.one"))
    write("reg_borrow.py", "from reg_origin import origin_one\n")
    assert "origin.one" in Registry.load(["reg_origin", "reg_borrow", "reg_origin"]).tasks


def test_one_name_for_two_functions_is_refused_with_both(write: Write) -> None:
    write("reg_x.py", declare("twice.told"))
    write("reg_y.py", declare("twice.told"))
    with pytest.raises(DeclarationError, match=r"'twice.told': reg_x\.twice_told and reg_y\.twice_told"):
        Registry.load(["reg_x", "reg_y"])


def test_name_of_an_unavailable_task_is_taken_too() -> None:
    missing = task("a.b", requires=("no_such_package_at_all",))(do)
    with pytest.raises(DeclarationError, match=r"'a\.b'"):
        Registry.of([missing, task("a.b")(do)])


def test_task_with_a_missing_package_is_not_offered_and_says_why() -> None:
    missing = task("far.away", extra="far", requires=("no_such_package_at_all",))(do)
    registry = Registry.of([missing])
    assert len(registry) == 0
    assert list(registry.unavailable) == ["far.away"]
    with pytest.raises(
        NotFound, match=r"needs no_such_package_at_all, not installed here; install jobline\[far\]"
    ):
        registry.get("far.away")
    assert install_hint(missing).endswith("install jobline[far].")


def test_missing_package_without_an_extra_is_named() -> None:
    missing = task("far.away", requires=("no_such_package_at_all",))(do)
    assert install_hint(missing) == "The task 'far.away' needs no_such_package_at_all, not installed here."


def test_unknown_task_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"no task 'no\.such'"):
        Registry.of([]).get("no.such")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("import no_such_package_at_all\n", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("import json\njson.loads('x')\n", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_module_that_cannot_be_imported_is_named(write: Write, content: str, reason: str) -> None:
    name = write(f"reg_broken_{abs(hash(content))}.py", content)
    with pytest.raises(DeclarationError) as caught:
        Registry.load([name])
    line = content.count("\n")
    assert f"cannot load the task module {name!r}: {reason} (" in str(caught.value)
    assert str(caught.value).endswith(f"{name}.py:{line})")


def test_error_in_a_module_that_a_task_module_imports_shows_the_line_there(write: Write) -> None:
    write("reg_below.py", "\n\nraise RuntimeError('two\\nlines')\n")
    name = write("reg_above.py", "import reg_below\n")
    with pytest.raises(DeclarationError, match=r"RuntimeError: two lines \(.*reg_below\.py:3\)$"):
        Registry.load([name])


def test_module_without_a_task_is_named(write: Write) -> None:
    name = write("reg_empty.py", "x = 1\n")
    with pytest.raises(DeclarationError, match="there is no task in the module 'reg_empty'"):
        Registry.load([name])


def test_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(DeclarationError, match=r"cannot load the task module 'reg_nowhere\.deep'"):
        Registry.load(["reg_nowhere.deep"])


def test_wrong_declaration_keeps_its_own_message(write: Write) -> None:
    name = write("reg_wrong.py", declare("wrong.one", ", max_attempts=0"))
    with pytest.raises(
        DeclarationError,
        match=r"^@task\('wrong.one'\) on reg_wrong.wrong_one: max_attempts.*reg_wrong\.py:6\)$",
    ):
        Registry.load([name])


def test_tasks_are_sorted_and_cannot_be_changed() -> None:
    registry = Registry.of([task("b.b", queue="slow")(do), task("a.a")(do), task("a.b", queue="fast")(do)])
    assert [one.name for one in registry] == ["a.a", "a.b", "b.b"]
    assert registry.queues == ("default", "fast", "slow")
    with pytest.raises(TypeError):
        registry.tasks["c.c"] = task("c.c")(do)  # type: ignore[index]
