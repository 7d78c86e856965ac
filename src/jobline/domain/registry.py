"""Which tasks there are: reads modules, collects their Task objects. No global list, no heavy imports."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

from jobline.domain.errors import DeclarationError, NotFound
from jobline.domain.task import Task

#: The package of tasks that come with Jobline.
OWN_TASKS = "jobline.tasks"


@dataclass(frozen=True)
class Registry:
    """Hold the tasks on offer by name, and those that wait for a missing package."""

    tasks: MappingProxyType[str, Task[Any, Any]]
    unavailable: MappingProxyType[str, Task[Any, Any]]

    @classmethod
    def of(cls, found: Iterable[Task[Any, Any]]) -> Registry:
        """Build a registry; raises DeclarationError when two tasks have one name."""
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
        return cls(MappingProxyType(tasks), MappingProxyType(unavailable))

    @classmethod
    def load(cls, modules: Iterable[str] = ()) -> Registry:
        """Read Jobline's own tasks and the given modules (dotted names); a package gives its submodules too.

        Raises DeclarationError when a module cannot be imported or declares a task wrongly.
        """
        found: dict[int, Task[Any, Any]] = {}
        for name in (OWN_TASKS, *modules):
            for module in walk(name):
                found.update((id(value), value) for value in vars(module).values() if isinstance(value, Task))
        return cls.of(found.values())

    def __iter__(self) -> Iterator[Task[Any, Any]]:
        return iter(self.tasks.values())

    def __len__(self) -> int:
        return len(self.tasks)

    def get(self, name: str) -> Task[Any, Any]:
        """Find a task; raises NotFound, with the extra to install where that is the reason."""
        try:
            return self.tasks[name]
        except KeyError:
            raise NotFound(self.why_missing(name)) from None

    def why_missing(self, name: str) -> str:
        """Say why a task is not on offer."""
        if waiting := self.unavailable.get(name):
            return install_hint(waiting)
        return f"There is no task {name!r}; GET /v1/tasks lists those there are."

    @property
    def queues(self) -> tuple[str, ...]:
        """List the queues that the tasks name, sorted, ``default`` among them."""
        return tuple(sorted({"default", *(item.queue for item in self)}))


def install_hint(item: Task[Any, Any]) -> str:
    """Say which extra brings an unavailable task."""
    extra = f"; install jobline[{item.extra}]" if item.extra else ""
    return f"The task {item.name!r} needs {', '.join(item.missing)}, not installed here{extra}."


def walk(name: str) -> Iterator[ModuleType]:
    """Import a module and, for a package, every module below it."""
    try:
        module = importlib.import_module(name)
        yield module
        if hasattr(module, "__path__"):
            for info in pkgutil.walk_packages(module.__path__, f"{name}."):
                yield importlib.import_module(info.name)
    except DeclarationError:
        raise
    except Exception as error:  # whatever an outside module raises while it is imported
        raise DeclarationError(
            f"cannot load the task module {name!r}: {type(error).__name__}: {error}"
        ) from error
