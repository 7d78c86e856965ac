"""The links of the OpenAPI document (3.1, section 4.8.20): what a client can do with what it created."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]  # Any: a JSON document
#: Operations that take the ID of a new job, file or batch.
WITH_JOB = ("get_job", "get_job_result", "cancel_job", "list_artifacts", "delete_job", "retry_job")
WITH_FILE = ("get_file", "download_file", "delete_file")
WITH_BATCH = ("get_batch",)


def add_links(document: Json) -> None:
    """Add links to the responses of the operations that create something."""
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    for name, operation in operations.items():
        status, targets = find_targets(name)
        links = {
            target: {"operationId": target, "parameters": {"id": "$response.body#/id"}}
            for target in targets
            if target in operations
        }
        if links and status in operation["responses"]:
            operation["responses"][status]["links"] = links


def find_targets(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the status of the response that names a new ID, and the operations that take this ID."""
    if name in {"upload_file", "upload_raw_file"}:
        return "201", WITH_FILE
    if name == "submit_batch":
        return "202", WITH_BATCH
    if name.startswith("submit_"):
        return "202", (*WITH_JOB, name.replace("submit", "get", 1))
    return "", ()
