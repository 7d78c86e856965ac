"""The tasks on offer: imports the task modules, collects their tasks and settings; keeps no global list."""

from __future__ import annotations

import importlib
import pkgutil
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeGuard

from jobline.domain.environment import FamilySettings
from jobline.domain.errors import DeclarationError, FieldError, NotFound, SettingsError, Unprocessable
from jobline.domain.task import Task

#: Where the code of a traceback lies, to find the line that is the user's own.
OUR_CODE = (str(Path(__file__).parents[1]), "<")  # "<" as in "<frozen importlib._bootstrap>"
IMPORT_SYSTEM = tuple(f"{sysconfig.get_path('stdlib')}/{name}" for name in ("importlib", "pkgutil.py"))
INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))


@dataclass(frozen=True)
class Registry:
    """The tasks on offer by name, and those whose packages are not installed."""

    tasks: MappingProxyType[str, Task[Any, Any]]
    unavailable: MappingProxyType[str, Task[Any, Any]]
    #: What the families can be set to, in the order in which their modules were read.
    settings: tuple[type[FamilySettings], ...] = ()
    #: Folders with tasks that were not read, each as a sentence.
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Task[Any, Any]], settings: Iterable[type[FamilySettings]] = ()) -> Registry:
        """Build a registry; raises DeclarationError when two tasks have the same name."""
        tasks: dict[str, Task[Any, Any]] = {}
        unavailable: dict[str, Task[Any, Any]] = {}
        for item in sorted(found, key=lambda one: one.name):
            other = tasks.get(item.name) or unavailable.get(item.name)
            if other is not None:
                raise DeclarationError(
                    f"two functions declare the task {item.name!r}: "
                    f"{other.function.__module__}.{other.function.__qualname__} and "
                    f"{item.function.__module__}.{item.function.__qualname__}"
                )
            (unavailable if item.missing else tasks)[item.name] = item
        return cls(MappingProxyType(tasks), MappingProxyType(unavailable), tuple(settings))

    @classmethod
    def load(cls, modules: Iterable[str]) -> Registry:
        """Import modules by their dotted names and return their tasks; a package adds its submodules'.

        Raises DeclarationError, with file and line, when a module cannot be imported, has no task in it, or
        declares one wrongly; SettingsError when a family is set wrongly.
        """
        found: dict[int, Task[Any, Any]] = {}
        settings: dict[type[FamilySettings], None] = {}
        unread: list[str] = []
        for name in modules:
            read = list(walk(name))
            unread += [warning for module in read for warning in find_unread(module)]
            values = [value for module in read for value in vars(module).values()]
            tasks = [value for value in values if isinstance(value, Task)]
            if not tasks:
                raise DeclarationError(f"there is no task in the module {name!r}: put @task above a function")
            found.update((id(item), item) for item in tasks)
            settings.update((value, None) for value in values if is_family_settings(value))
        return replace(cls.of(found.values(), settings), warnings=tuple(unread))

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        return iter(self.tasks.values())

    def __len__(self) -> int:
        return len(self.tasks)

    def get(self, name: str) -> Task[Any, Any]:
        """Return a task; raises NotFound, which names the extra to install where one is missing."""
        try:
            return self.tasks[name]
        except KeyError:
            raise NotFound(self.why_missing(name)) from None

    def why_missing(self, name: str) -> str:
        """Return the sentence that tells a client why a task is not on offer."""
        if waiting := self.unavailable.get(name):
            return install_hint(waiting)
        return f"There is no task {name!r}."

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues of all tasks, sorted; ``default`` is always among them."""
        return tuple(sorted({"default", *(item.queue for item in self)}))

    def check_queue(self, name: str, more: Iterable[str], pointer: str) -> None:
        """Raise Unprocessable for a queue that neither a task nor the setting, ``more``, declares."""
        if name not in self.queues and name not in more:
            message = (
                f"The queue {name!r} is not declared. Use one of {', '.join(sorted({*self.queues, *more}))}, "
                "or add it to JOBLINE_QUEUES."
            )
            raise Unprocessable(message, errors=(FieldError(pointer, "is not a declared queue"),))


def install_hint(item: Task[Any, Any]) -> str:
    """Return the sentence that names what to install for an unavailable task."""
    extra = f"; install jobline[{item.extra}]" if item.extra else ""
    return f"The task {item.name!r} needs {', '.join(item.missing)}, not installed here{extra}."


def is_family_settings(value: object) -> TypeGuard[type[FamilySettings]]:
    """Return whether a name of a module stands for the settings of a family."""
    return isinstance(value, type) and issubclass(value, FamilySettings) and value is not FamilySettings


def walk(name: str) -> Iterator[ModuleType]:
    """Import a module and, for a package, every module below it; raises DeclarationError.

    A ``__main__`` is left out: to import it is to run the program.
    """
    module = import_module(name)
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
        if not info.name.endswith(".__main__"):
            yield from walk(info.name)


def find_unread(package: ModuleType) -> Iterator[str]:
    """Yield a sentence for each folder of a package that has tasks, and no ``__init__.py``."""
    for path in getattr(package, "__path__", ()):
        for folder in sorted(Path(path).iterdir()):
            is_read = (folder / "__init__.py").exists() or not folder.name.isidentifier()
            if not is_read and any(b"@task(" in file.read_bytes() for file in folder.glob("*.py")):
                yield f"the tasks in {folder} are not read, because it has no __init__.py"


def import_module(name: str) -> ModuleType:
    """Import one module; raises DeclarationError with the error's type, its message and where it arose."""
    try:
        return importlib.import_module(name)
    except SettingsError:  # of a family's own settings
        raise
    except DeclarationError as error:
        raise DeclarationError(f"{error}{find_place(error)}") from error
    except (Exception, SystemExit) as error:  # whatever a user's module raises while it is imported
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        reason = " ".join(f"{type(error).__name__}: {text}".split())
        raise DeclarationError(
            f"cannot load the task module {name!r}: {reason}{find_place(error)}"
        ) from error


def find_place(error: BaseException) -> str:
    """Return `` (file:line)`` of the user's code that raised an error; empty where none of it ran."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*OUR_CODE, *IMPORT_SYSTEM))
    ]
    own = [frame for frame in frames if not frame.filename.startswith(INSTALLED)] or frames
    return f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
