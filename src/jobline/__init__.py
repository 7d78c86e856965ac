"""Typed Python functions as durable HTTP jobs: ``from jobline import JobContext, Model, task``.

This module and `jobline.testing` are the public API; `docs/python.md` describes each name. All other modules
are private and may change in any release.
"""

from importlib.metadata import version as _version
from types import FunctionType as _FunctionType

from jobline.domain.context import Artifact, JobContext
from jobline.domain.environment import FamilySettings
from jobline.domain.errors import DeclarationError, JobCancelled, JoblineError, TaskError
from jobline.domain.file_id import FileId, FileRule
from jobline.domain.model import Model
from jobline.domain.retry import RetryPolicy
from jobline.domain.state import State
from jobline.domain.task import Task, task

__version__ = _version("jobline")

__all__ = [
    "Artifact",
    "DeclarationError",
    "FamilySettings",
    "FileId",
    "FileRule",
    "JobCancelled",
    "JobContext",
    "JoblineError",
    "Model",
    "RetryPolicy",
    "State",
    "Task",
    "TaskError",
    "__version__",
    "task",
]

# So that tracebacks, pickles and editors show the name that users import (as in httpx).
for _name in __all__:
    _export = globals()[_name]
    if isinstance(_export, type | _FunctionType):
        _export.__module__ = __name__
