"""The tags of the OpenAPI document, which group its operations: the task families, then Jobline's nouns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobline.domain.task import Task

TAGS = {
    "batches": "Many jobs in one request: either all of them are accepted, or none.",
    "jobs": "Jobs of every task: read, wait, list, cancel, retry and delete them.",
    "events": "The events of all jobs as they happen.",
    "files": "Files that inputs refer to, and the artifacts that jobs produce.",
    "catalogue": "The tasks that this service offers, and the workers that run them.",
    "queues": "The queues: their depth, rates and limits; pause and resume.",
    "health": "Health checks for supervisors and load balancers.",
}


def make_tags(tasks: Iterable[Task[Any, Any]]) -> list[dict[str, str]]:
    """Return the tags with their descriptions."""
    families = sorted({task.family for task in tasks} - TAGS.keys())
    described = {
        family: f"Submit jobs of the `{family}` tasks and read their typed results." for family in families
    }
    return [{"name": name, "description": text} for name, text in {**described, **TAGS}.items()]
