"""Write typed tasks: ``from jobs import JobContext, TaskError, task``.

This package holds the nouns and rules of Jobline. Only pydantic and the standard library may be imported
here; no I/O enters: Redis, HTTP and Celery live in ``service`` and ``worker``.
"""

from jobs.context import Artifact, JobContext
from jobs.errors import DeclarationError, JobCancelled, TaskError
from jobs.file_id import FileId, FileRule
from jobs.model import Model
from jobs.retry import RetryPolicy
from jobs.state import State
from jobs.task import Task, task

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
