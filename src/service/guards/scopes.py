"""Who calls, what each route asks of a key, and whose jobs and files are seen.

What needs which scope is said once, here, by method and path, so that a route which nobody thought of is
closed: it needs a key, and `manage` where it may change something. `jobline.service.guards.gate` holds
requests to it, and `jobline.service.shapes.openapi` writes it into the document.
"""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.types import Scope as AsgiScope

from jobline.domain.access import Principal, Scope

#: Where the gate leaves the principal.
PRINCIPAL = "jobline.principal"
#: Open to all: health for load balancers, the documentation, and what the pages load.
OPEN = re.compile(r"/|/health/\w+|/problems/[^/]*|/openapi\.json|/docs|/docs/.*|/redoc|/assets/.*", re.DOTALL)
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: What all tenants share: its reading, too, tells of others.
SHARED = re.compile(r"/v1/workers(/.*)?|/metrics", re.DOTALL)
SHARED_CHANGES = re.compile(r"/v1/queues(/.*)?", re.DOTALL)
SUBMITS = re.compile(r"/v1/tasks/[^/]*/jobs|/v1/batches|/v1/files|/v1/workflows", re.DOTALL)


@lru_cache(maxsize=4096)
def find_scope(method: str, path: str) -> Scope | None:
    """Say what a key must allow for this; None for what is open to all."""
    if method in READING:
        if OPEN.fullmatch(path):
            return None
        return Scope.ADMIN if SHARED.fullmatch(path) else Scope.READ
    if SHARED.fullmatch(path) or SHARED_CHANGES.fullmatch(path):
        return Scope.ADMIN
    return Scope.SUBMIT if method == "POST" and SUBMITS.fullmatch(path) else Scope.MANAGE


def find_path(scope: AsgiScope) -> str:
    """Give the path below the prefix that a proxy put in front."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def find_tenant(scope: AsgiScope) -> str:
    """Say whose jobs and files the caller may see. A request that passed no gate is a defect: KeyError."""
    principal: Principal = scope[PRINCIPAL]
    return principal.tenant
