"""What the gate and the hardening add to the OpenAPI document: the key, the scopes, the answers of their own.

The document is the same whether keys are on or off, so that it can be held in a file and SDKs are made once:
it always says that a key is sent. A service without keys takes requests with and without one.
"""

from __future__ import annotations

from typing import Any

from jobline.service.answers.problems import problems
from jobline.service.guards.scopes import find_scope

Json = dict[str, Any]  # Any: a JSON document
SCHEME = "key"
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access key of `jobline keys create`. Where JOBLINE_AUTH is off, none is needed.",
}
#: Answered before a route is asked.
OF_THE_HEAD = (414, 431)
OF_THE_KEY = (401, 403, 429, 503)
OF_THE_BODY = (408,)
#: After an answer of the left operation, its id leads to those on the right.
OF_A_JOB = ("get_job", "get_job_result", "cancel_job", "list_artifacts", "delete_job", "retry_job")
OF_A_FILE = ("get_file", "download_file", "delete_file")
OF_A_BATCH = ("get_batch",)


def add_access(document: Json) -> None:
    """Add all of it to a document that lacks it."""
    document["components"]["securitySchemes"] = {SCHEME: SECURITY_SCHEME}
    document["security"] = [{SCHEME: []}]
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            add_answers(operation, method.upper(), path)
            add_links(operation, operations)


def add_answers(operation: Json, method: str, path: str) -> None:
    """Declare what the gate asks and what it answers."""
    statuses: tuple[int, ...] = OF_THE_HEAD
    scope = find_scope(method, path)
    if scope is None:
        operation["security"] = []
    else:
        operation["x-scope"] = scope.value
        statuses += OF_THE_KEY
    if "requestBody" in operation:
        statuses += OF_THE_BODY
    answers = operation["responses"]
    for status, answer in problems(*statuses).items():
        answers.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(answers.items()))


def add_links(operation: Json, operations: Json) -> None:
    """Lead from what was made to what can be done with it (OpenAPI 3.1, section 4.8.20)."""
    name = operation["operationId"]
    targets: tuple[str, ...]
    if name.startswith("submit_") and name != "submit_batch":
        made, targets = "202", (*OF_A_JOB, name.replace("submit", "get", 1))
    elif name == "upload_file":
        made, targets = "201", OF_A_FILE
    elif name == "submit_batch":
        made, targets = "202", OF_A_BATCH
    else:
        return
    links = {
        target: {"operationId": target, "parameters": {"id": "$response.body#/id"}}
        for target in targets
        if target in operations
    }
    if links and made in operation["responses"]:
        operation["responses"][made]["links"] = links
