"""The scope that each route needs, and whose jobs and files a caller sees.

Each route carries its scope in its own declaration: `needs` or `OPEN` in its ``openapi_extra``.
`ScopeTable` reads the declarations of all routes: `jobline.service.guards.access` enforces them, and the
OpenAPI document shows them as ``x-scope``. A path without a route or a declaration is closed: it needs a key,
and ``manage`` unless it only reads.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import Scope as AsgiScope

from jobline.domain.access import Principal, Scope

#: Key of the principal in the scope of a request.
PRINCIPAL = "jobline.principal"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: The field of an operation in the OpenAPI document, and of a route's ``openapi_extra``.
FIELD = "x-scope"
#: The declaration of a route that needs no key, in the words of OpenAPI.
OPEN: dict[str, Any] = {"security": []}


def needs(scope: Scope) -> dict[str, Any]:  # Any: as FastAPI's openapi_extra
    """Return the declaration of a route that needs a key with this scope."""
    return {FIELD: scope.value}


class ScopeTable:
    """The scopes of all routes, by method and path."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        patterns: dict[str, list[str]] = defaultdict(list)
        self._scopes: dict[str, Scope | None] = {}
        for number, route in enumerate(routes):
            if isinstance(route, Route):
                for method in route.methods or ():
                    name = f"{method}_{number}"
                    patterns[method].append(f"(?P<{name}>{strip_names(route.path_regex.pattern)})")
                    self._scopes[name] = read_declaration(route, method)
        #: One pattern a method, whose alternatives are in the order of the routes: the router's first match.
        self._patterns = {method: re.compile("|".join(parts)) for method, parts in patterns.items()}
        self.find = lru_cache(maxsize=4096)(self._find)

    def _find(self, method: str, path: str) -> Scope | None:
        """Return the scope that a key needs; None if the route is open to everybody."""
        if method in READING:
            method = "GET"
        pattern = self._patterns.get(method)
        match = pattern.match(path) if pattern else None
        if match is None or match.lastgroup is None:
            return default_scope(method)
        return self._scopes[match.lastgroup]


def read_declaration(route: Route, method: str) -> Scope | None:
    """Return the scope that a route declares; None if it is open."""
    declared = getattr(route, "openapi_extra", None) or {}
    if declared.get("security") == OPEN["security"]:
        return None
    return Scope(declared[FIELD]) if FIELD in declared else default_scope(method)


def default_scope(method: str) -> Scope:
    """Return the scope of a path that declares none."""
    return Scope.READ if method in READING else Scope.MANAGE


def strip_names(pattern: str) -> str:
    """Make the groups of a route's pattern non-capturing, so that patterns can be joined."""
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def find_path(scope: AsgiScope) -> str:
    """Return the path without the prefix that a proxy added."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def find_tenant(scope: AsgiScope) -> str:
    """Return the tenant of the caller. KeyError means that a request bypassed the guards, a defect."""
    principal: Principal = scope[PRINCIPAL]
    return principal.tenant
