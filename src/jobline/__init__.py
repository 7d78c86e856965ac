"""Write typed tasks: ``from jobline import JobContext, TaskError, task``.

This package holds the nouns and rules of Jobline. Only pydantic and the standard library may be imported
here; no I/O enters: Redis, HTTP and Celery live in ``service`` and ``worker``.
"""

from jobline.domain.context import Artifact, JobContext
from jobline.domain.errors import DeclarationError, JobCancelled, TaskError
from jobline.domain.file_id import FileId, FileRule
from jobline.domain.model import Model
from jobline.domain.retry import RetryPolicy
from jobline.domain.state import State
from jobline.domain.task import Task, task

__all__ = [
    "Artifact",
    "DeclarationError",
    "FileId",
    "FileRule",
    "JobCancelled",
    "JobContext",
    "Model",
    "RetryPolicy",
    "State",
    "Task",
    "TaskError",
    "task",
]
