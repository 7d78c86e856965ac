"""What the guards add to the OpenAPI document: the access key, and the errors that they answer with.

The document is the same whether keys are on or off, so that it can be kept in a file and SDKs are generated
once. It always declares the key; a service without keys ignores it.
"""

from __future__ import annotations

from typing import Any

from jobline.service.answers.problems import problems
from jobline.service.guards.scopes import FIELD

Json = dict[str, Any]  # Any: a JSON document
SCHEME = "key"
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "Access key, made with `jobline keys create`. Not needed while `JOBLINE_AUTH` is off.",
}
#: Errors of every operation: limits of the request's head.
ALWAYS = (414, 431)
#: Errors of the operations that need a key.
WITH_KEY = (401, 403, 429, 503)
#: Errors of the operations with a body.
WITH_BODY = (408,)


def add_security(document: Json) -> None:
    """Declare the key, and the guards' errors for each operation."""
    document["components"]["securitySchemes"] = {SCHEME: SECURITY_SCHEME}
    document["security"] = [{SCHEME: []}]
    for path in document["paths"].values():
        for operation in path.values():
            add_errors(operation)


def add_errors(operation: Json) -> None:
    """Declare the errors that the guards may answer an operation with."""
    statuses: tuple[int, ...] = ALWAYS
    if FIELD in operation:
        statuses += WITH_KEY
    if "requestBody" in operation:
        statuses += WITH_BODY
    responses = operation["responses"]
    for status, response in problems(*statuses).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))
